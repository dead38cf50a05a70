"""Whether somebody asks a room how it stands (H2). Precision first: people talk to each other, too.

A message counts when it is short, asks, and asks for the state of things as a whole: news, an end,
a call. Whatever speaks of one thing, answers somebody, or tells something, does not.
"""

from __future__ import annotations

import re

LONGEST = 200
"""The longest message that is looked at: who writes more has more to say than a question."""

_WHOLE = r"(?:incident|outage|issue|problem)"
_OPENING = r"""
    (?:(?:sorry\ to\ (?:bother|interrupt|ask)(?:\ (?:you|again))?|
    hi|hey|hello|hallo|morning|folks|all|team|guys|everyone|everybody|sorry|excuse\ me|so|and|
    ok|okay|um+|quick\ question|qq|just\ checking(?:\ in)?|checking\ in|ping|bump|again|please|pls|
    @\S+|there)[\s,.:!;-]+)*
"""
_TAIL = rf"""
    (?:\s*(?:please|pls|plz|yet|so\ far|now|today|folks|all|team|guys|everyone|anyone|here|there|
    on\ (?:this|it|that|an?\ fix|the\ (?:{_WHOLE}|fix))|
    (?:about|with)\ (?:this|it|the\ {_WHOLE})|
    for\ (?:this|it|us|me|an?\ fix|(?:the\ |our\ |my\ )?
    (?:{_WHOLE}|fix|board|boss|ceo|cto|customers?|clients?|management))|
    at\ (?:all|the\ moment|this\ point)|\?|!|\.|,|:\)|thanks|thank\ you|thx|cheers|ta|🙏|😬|👀))*
"""
_PLEA = r"(?:(?:can|could|may|would)\ (?:i|we|you|someone|somebody|anyone|anybody)\ (?:please\ )?)"
_GIVE = r"(?:(?:get|have|give|share|post|provide|send)(?:\ (?:us|me|everyone))?)"
_NEWS = r"""
    (?:an?\ |any\ |some\ |the\ |quick\ |short\ |latest\ |more\ |new\ |further\ )*
    (?:news|updates?|status|status\ update|sitrep|progress|word|info|information|
    eta|e\.t\.a\.|estimate|time\ ?line|time\ ?frame)
"""
_CALL = r"""(?:(?:a|the|an)\ )?(?:call|bridge|zoom|meeting|war\ ?room|huddle)(?:\ (?:link|url))?"""
_BACK = r"""(?:(?:back\ (?:up|online|to\ normal)|back|up|fixed|resolved|over|solved|working|done|
    restored|online|live|sorted|down)(?:\ again|\ and\ running)?)"""
_WONDER = r"(?:any\ idea\ |(?:do|does)\ (?:we|you|anyone|anybody|somebody)\ know\ )"
_IT = r"""(?:it|this|that|we|things|everything|the\ (?:incident|outage|issue|problem|service|site|
    system|systems)|service)"""

_ASKS = tuple(
    re.compile(rf"^{_OPENING}(?:{asks}){_TAIL}$", re.IGNORECASE | re.VERBOSE)
    for asks in (
        # any news? · an update? · status? · ETA?
        rf"(?:is\ there\ |are\ there\ |do\ we\ have\ |have\ we\ got\ |got\ |have\ you\ got\ )?"
        rf"(?:any\ |an\ |some\ )(?:new\ |further\ |more\ |other\ )?{_NEWS}"
        r"(?:\ (?:or\ (?:an\ )?eta|to\ share))?",
        r"(?:news|updates?|status|status\ update|sitrep|eta|progress)\s*(?:\?+|,?\ pl(?:ease|s|z))",
        r"any\ chance\ of\ (?:an?\ )?(?:quick\ )?(?:update|eta|status)",
        r"anything\ new",
        # our CEO wants an update
        r"(?:the\ |our\ |my\ |a\ |we\ |i\ |they\ )*"
        r"(?:ceo|cto|boss|board|vp|customers?|clients?|sales|management|leadership|we|i|they)?\ ?"
        r"(?:just\ )?(?:wants?|needs?|would\ like)\ "
        r"(?:an?\ )(?:quick\ |short\ )?(?:update|eta|status|status\ update)",
        # can we get an update · could someone post a status
        rf"{_PLEA}{_GIVE}\ {_NEWS}",
        rf"{_GIVE}\ (?:us\ |me\ )?(?:an?\ |the\ |some\ )(?:quick\ |short\ |latest\ )?"
        r"(?:update|status|eta|status\ update|sitrep)",
        # what's the status · what is the latest · where are we · how is it going
        r"what(?:'?s|\ is)\ the\ (?:current\ |latest\ )?"
        r"(?:status|latest|state|eta|news|update|situation|word|progress|estimate|time\ ?line)",
        r"(?:do\ (?:we|you|they)\ have|is\ there|do\ (?:we|you)\ know)\ (?:an?\ |any\ |the\ )"
        r"(?:eta|estimate|update|news|status|time\ ?line|time\ ?frame)",
        r"(?:where|how)\ (?:are\ we|do\ we\ stand|does\ (?:it|this)\ stand)(?:\ (?:at|now|with))?",
        r"how(?:'?s|\ is)\ (?:it|this|everything)\ (?:going|looking|coming\ along)",
        # when will it be back · how long will it take · is it fixed
        rf"{_WONDER}?when\ (?:will|can|do|should|is)\ "
        rf"{_IT}\ (?:expect\ |think\ |hope\ )?(?:(?:it|this)\ )?(?:to\ )?(?:be\ |going\ to\ be\ )?"
        rf"{_BACK}",
        rf"{_WONDER}?when\ {_IT}\ (?:will|can|should|might)\ be\ {_BACK}",
        rf"{_WONDER}?how\ long\ {_IT}\ will\ (?:be\ {_BACK}|take|last)",
        r"when\ (?:can|could|should|may|do)\ (?:we|i|customers)\ expect\ (?:an?\ |the\ )?"
        r"(?:fix|update|resolution|more|news)",
        r"when\ is\ the\ next\ update",
        r"what\ (?:should|can|do|could)\ (?:i|we)\ (?:tell|say\ to)\ "
        r"(?:the\ |our\ |my\ )?(?:customers?|clients?|board|boss|ceo|management)",
        r"how\ (?:bad|serious|severe)\ is\ (?:it|this)",
        rf"{_WONDER}?how\ (?:much\ )?long(?:er)?"
        rf"(?:\ (?:will|until|till|before|is)\ {_IT}(?:'s)?)?"
        rf"(?:\ (?:take|be|last|going\ to\ take|(?:is|be)?\ ?{_BACK}))?",
        rf"(?:is|are)\ {_IT}\ (?:{_BACK}|still\ (?:down|broken|ongoing|going\ on|happening|out))",
        rf"(?:{_IT}\ )?still\ (?:down|broken|out|ongoing)\s*\?+",
        r"what(?:'?s|\ is)\ (?:going\ on|happening|up\ with\ (?:this|it|the\ (?:outage|"
        r"incident|site)))",
        r"(?:can|could|would)\ (?:someone|somebody|anyone|anybody|you)\ (?:please\ )?"
        r"(?:tell\ (?:us|me)|explain|summari[sz]e|say)\ (?:what(?:'?s|\ is)\ (?:going\ on|"
        r"happening|the\ (?:status|state|situation))|where\ (?:we\ are|this\ stands))",
        # is there a call I can join
        rf"(?:is\ there|do\ we\ have|are\ you\ (?:all\ )?on)\ {_CALL}"
        r"(?:\ (?:i|we)\ (?:can|could|should)\ join|\ to\ join|\ open|\ running|\ for\ this)?",
        rf"{_PLEA}{_GIVE}\ {_CALL}",
        rf"(?:can|could|may|should)\ (?:i|we)\ (?:please\ )?(?:join|hop\ on|get\ on|dial\ in\ to)\ "
        rf"{_CALL}",
        rf"(?:where(?:'?s|\ is)|what(?:'?s|\ is)|who\ has)\ (?:the\ )?{_CALL}",
        rf"(?:can|could|shall|should)\ (?:we|someone|you)\ (?:please\ )?"
        rf"(?:open|start|set\ up|have|get\ on|jump\ on|hop\ on)\ {_CALL}",
    )
)


_BETWEEN = re.compile(
    r"(?<=[?!.])\s+|,\s+(?=(?:any|what|when|is|do|how|can|could|eta)\b)", re.IGNORECASE
)


def asks_for_news(text: str) -> bool:
    """Return whether a message asks for news, an end, or a call, of everybody and nobody."""
    text = " ".join(text.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'").split())
    if not 3 <= len(text) <= LONGEST:
        return False
    sentences = [s for s in _BETWEEN.split(text) if s.strip("?!., ")]
    asking = [s for s in sentences if any(asks.match(s) for asks in _ASKS)]
    # Whoever adds why they ask (“the board is asking”) asks; a message of more is a conversation.
    return bool(asking) and len(sentences) <= 3 and _about_it(sentences, asking)


def _about_it(sentences: list[str], asking: list[str]) -> bool:
    rest = [s for s in sentences if s not in asking]
    return all(_REASON.match(s) for s in rest)


_REASON = re.compile(
    r"""^(?:
    (?:hi|hey|hello|(?:good\ )?(?:morning|afternoon|evening)|sorry(?:\ to\ (?:bother|interrupt))?|
    thanks|thank\ you|thx|cheers|folks|team|all)(?:\ (?:team|all|folks|everyone|there|you))?|
    same\ question|(?:just\ )?(?:asking|checking)\b.*|
    (?:the\ |my\ |our\ |a\ |some\ |several\ |many\ |more\ )*
    (?:board|boss|ceo|cto|customers?|clients?|support|sales|management|people|users|
    exec(?:utive)?s|leadership|press|account\ managers?|vp|team|partners?|stakeholders?)
    \b.{0,60}\b(?:ask(?:s|ing|ed)?|wants?|needs?|waiting|waits?|calling|calls?|complaining|nervous|
    impatient|anxious|knows?)\b.*|
    i(?:'m|\ am|\ have|\ need|'ve)\b.{0,20}\b(?:ask(?:ed|ing)?|tell|told|customers?|clients?|board|
    boss|report|call|meeting|exec(?:utive)?s)\b.*
    )[.!?,🙏\s]*$""",
    re.IGNORECASE | re.VERBOSE,
)
"""Why somebody asks; beside a question it makes no conversation of it."""
