"""The only place with words: what happened becomes messages that read well at 3 a.m."""

from bot.presenter.answers import Answers
from bot.presenter.scenes import Scenes
from bot.presenter.voice import Voice

__all__ = ["Presenter", "Voice"]


class Presenter(Scenes, Answers):
    """Everything the bot can say."""
