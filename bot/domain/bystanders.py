"""Recognising questions how an incident stands (H2). Precision first: people also talk.

A message counts when it is short, asks, and asks for the state of things as a whole: news, an end,
a call. Whatever speaks of one thing, answers somebody, or tells something, does not.
"""

from __future__ import annotations

import re

LONGEST = 200
"""The longest message that is looked at: who writes more has more to say than a question."""

_WHOLE = r"(?:incident|outage|issue|problem)"
_IT = rf"""(?:it|this|that|we|things|everything|(?:the\ |our\ )?(?:{_WHOLE}|service|site|
    systems?))"""
_ENDED = r"""(?:back(?:\ (?:up|online|to\ normal))?|fixed|resolved|over|solved|restored|
    sorted(?:\ out)?)(?:\ again)?"""
_BACK = rf"(?:{_ENDED}|(?:up|working|done|online|live|down)(?:\ again|\ and\ running)?)"
_CURE = r"(?:(?:an?\ |the\ )?(?:fix|solution|resolution|recovery|workaround))"
_PEOPLE = r"""(?:ceo|cto|coo|boss|board|vp|customers?|clients?|users?|people|support|sales|press|
    management|leadership|managers?|account\ managers?|exec(?:utive)?s?|partners?|stakeholders?|
    teams?)"""
_THEY = rf"(?:(?:the\ |our\ |my\ |a\ |some\ |several\ |many\ |more\ )*{_PEOPLE})"
_ANYONE = r"(?:someone|somebody|anyone|anybody)"
_OPENING = r"""
    (?:(?:sorry\ to\ (?:bother|interrupt|ask)(?:\ (?:you|again))?|
    hi|hey|hello|hallo|morning|folks|all|team|guys|everyone|everybody|sorry|excuse\ me|so|and|
    ok|okay|um+|quick\ question|qq|just\ checking(?:\ in)?|checking\ in|ping|bump|again|please|pls|
    @\S+|there)[\s,.:!;-]+)*
"""
_TAIL = rf"""
    (?:\s*(?:please|pls|plz|yet|so\ far|now|soon|folks|all|team|guys|everyone|anyone|here|there|
    today|tonight|tomorrow|this\ (?:morning|afternoon|evening|week)|
    (?:by|before)\ (?:noon|tonight|tomorrow|midnight|lunch|\d{{1,2}}(?::\d\d)?\ ?(?:am|pm)?)|
    on\ (?:this|it|that|{_CURE}|the\ {_WHOLE})|
    (?:about|with)\ (?:this|it|the\ {_WHOLE})|(?:to|of)\ {_CURE}|
    for\ (?:this|it|us|me|{_CURE}|{_THEY}|(?:the\ |our\ |my\ )?{_WHOLE})|
    at\ (?:all|the\ moment|this\ point)|\?|!|\.|,|:\)|thanks|thank\ you|thx|cheers|ta|🙏|😬|👀))*
"""
_PLEA = rf"(?:(?:can|could|may|would)\ (?:i|we|you|{_ANYONE})\ (?:please\ )?)"
_GIVE = r"(?:(?:get|have|give|share|post|provide|send)(?:\ (?:us|me|everyone))?)"
_ETA = r"""(?:eta|e\.t\.a\.|(?:rough\ )?estimate|time\ ?line|time\ ?frame|
    (?:(?:expected|estimated)\ )?(?:resolution|recovery)\ time|
    (?:(?:expected|estimated)\ )?time\ (?:of|to|for)\ (?:resolution|recovery))"""
_NEWS = rf"""
    (?:an?\ |any\ |some\ |the\ |quick\ |short\ |latest\ |more\ |new\ |further\ )*
    (?:news|updates?|status|status\ update|sitrep|progress|word|info|information|improvements?|
    summary|overview|recap|{_ETA})
"""
_CALL = r"""(?:(?:a|the|an)\ )?(?:call|bridge|zoom|meeting|war\ ?room|huddle|dial-?\ ?in)
    (?:\ (?:link|url|details|number))?"""
_WONDER = rf"(?:any\ idea\ |(?:do|does)\ (?:we|you|{_ANYONE})\ know\ )"
_WHEN_BACK = rf"when\ {_IT}\ (?:will|can|should|might|is\ going\ to)\ be\ {_BACK}"
_GOING_ON = rf"what(?:'?s|\ is)\ (?:going\ on|happening|up\ with\ {_IT})"
_STANDING = r"where\ (?:we\ are|this\ stands|things\ stand)"

_ASKS = tuple(
    re.compile(rf"^{_OPENING}(?:{asks}){_TAIL}$", re.IGNORECASE | re.VERBOSE)
    for asks in (
        # any news? · an update? · status? · ETA? · anything new?
        rf"(?:is\ there\ |are\ there\ |do\ we\ have\ |have\ we\ got\ |got\ |have\ you\ got\ )?"
        rf"(?:any\ |an\ |some\ )(?:new\ |further\ |more\ |other\ )?{_NEWS}"
        r"(?:\ (?:or\ (?:an\ )?eta|to\ share))?",
        rf"(?:news|updates?|status|status\ update|sitrep|eta|progress)"
        rf"(?:\ (?:on|about)\ (?:this|it|the\ {_WHOLE}))?\s*(?:\?+|,?\ pl(?:ease|s|z))",
        r"(?:please|pls|plz)\ (?:update|status|eta|sitrep)(?:\ us)?",
        r"any\ chance\ of\ (?:an?\ )?(?:quick\ )?(?:update|eta|status)",
        r"(?:is\ there\ |do\ we\ have\ )?(?:any|some)thing\ (?:new(?:\ to\ (?:report|share))?|"
        rf"(?:we\ can\ |to\ )(?:report|share|(?:tell|say\ to|share\ with)\ {_THEY}))",
        r"have\ (?:we|you|they)\ made\ (?:any\ |some\ )?progress",
        rf"(?:(?:do|does)\ )?{_ANYONE}\ (?:have|has|got)\ {_NEWS}",
        # our CEO wants an update · support is asking what is going on
        r"(?:the\ |our\ |my\ |a\ |we\ |i\ |they\ )*"
        rf"(?:{_PEOPLE}|we|i|they)?\ ?"
        r"(?:just\ )?(?:wants?|needs?|would\ like)\ "
        r"(?:an?\ )(?:quick\ |short\ )?(?:update|eta|status|status\ update)",
        rf"{_THEY}\ (?:is|are|keeps?|'s)\ (?:still\ )?(?:asking|chasing|waiting|pinging|calling)"
        rf"(?:\ (?:me|us))?\ (?:for\ {_NEWS}|{_GOING_ON}|{_WHEN_BACK})",
        # can we get an update · could someone post a status · who can summarize
        rf"(?:{_PLEA}|who\ (?:can|could)\ ){_GIVE}\ {_NEWS}",
        rf"{_GIVE}\ (?:us\ |me\ )?(?:an?\ |the\ |some\ )(?:quick\ |short\ |latest\ )?"
        r"(?:update|status|eta|status\ update|sitrep)",
        rf"{_PLEA}(?:(?:tell\ (?:us|me)|explain|summari[sz]e|say)\ (?:{_GOING_ON}|"
        rf"what(?:'?s|\ is)\ the\ (?:status|state|situation)|{_STANDING})|"
        r"(?:catch|fill|bring)\ (?:me|us)\ (?:up|in|up\ to\ speed)|update\ (?:me|us|everyone))",
        rf"(?:{_PLEA}|please\ |pls\ )keep\ (?:me|us|everyone)\ "
        r"(?:posted|updated|informed|in\ the\ loop)",
        # what's the status · what is the latest · where are we · how is it going
        r"what(?:'?s|\ is)\ (?:the|our)\ (?:current\ |latest\ )?"
        rf"(?:status|latest|state|news|update|situation|word|progress|{_ETA})",
        r"(?:do\ (?:we|you|they)\ have|is\ there|do\ (?:we|you)\ know)\ (?:an?\ |any\ |the\ )"
        rf"(?:update|news|status|progress|idea|{_ETA})(?:\ (?:of\ |on\ |for\ |as\ to\ )?"
        rf"{_WHEN_BACK})?",
        r"(?:where|how)\ (?:are\ we|do\ we\ stand|does\ (?:it|this)\ stand)(?:\ (?:at|now|with))?",
        r"how(?:'?s|\ is)\ (?:it|this|everything)\ (?:going|looking|coming\ along)",
        rf"(?:{_WONDER})?{_GOING_ON}",
        r"how\ (?:bad|serious|severe)\ is\ (?:it|this)",
        rf"is\ {_ANYONE}\ (?:working\ on|looking\ (?:into|at))\ (?:this|it|the\ {_WHOLE})",
        # when will it be back · how long will it take · is it fixed
        rf"(?:{_WONDER})?when\ (?:will|can|do|should|is)\ "
        rf"{_IT}\ (?:expect\ |think\ |hope\ )?(?:(?:it|this)\ )?(?:to\ )?(?:be\ |going\ to\ be\ )?"
        rf"{_BACK}",
        rf"(?:{_WONDER})?{_WHEN_BACK}",
        rf"when\ do\ (?:you|we|they)\ (?:think|expect|hope|reckon)\ (?:that\ )?{_IT}\ "
        rf"(?:will|can|to|might)\ be\ {_BACK}",
        rf"when\ (?:will|can)\ {_THEY}\ (?:be\ able\ to\ )?[a-z ]{{2,20}}\ again",
        rf"how\ soon\ (?:will|can|could|should)\ (?:(?:we|i)\ expect\ )?{_IT}\ (?:to\ )?be\ "
        rf"{_BACK}",
        rf"(?:{_WONDER})?how\ long\ {_IT}\ will\ (?:be\ {_BACK}|take|last)",
        r"when\ (?:can|could|should|may|do)\ (?:we|i|customers)\ expect\ (?:an?\ |the\ )?"
        r"(?:fix|update|resolution|more|news)",
        r"when\ is\ the\ next\ update",
        r"what\ (?:should|shall|can|do|could)\ (?:i|we)\ (?:tell|say\ to|be\ telling)\ "
        rf"(?:{_THEY}|everyone|them)",
        rf"(?:{_WONDER})?how\ (?:much\ )?long(?:er)?"
        rf"(?:\ (?:will|until|till|before|is)\ {_IT}(?:'s)?)?"
        rf"(?:\ (?:take|be|last|going\ to\ take|(?:is|be)?\ ?{_BACK}))?",
        rf"(?:is|are)\ {_IT}\ (?:{_BACK}|still\ (?:down|broken|ongoing|going\ on|happening|out))",
        rf"(?:{_IT}\ )?still\ (?:down|broken|out|ongoing)\s*\?+",
        rf"(?:will\ {_IT}\ be|(?:has|have)\ {_IT}\ been)\ {_ENDED}",
        rf"can\ (?:you|{_ANYONE})\ (?:please\ )?confirm\ (?:that\ |if\ |whether\ )?"
        rf"{_IT}(?:'s|'re|\ is|\ are|\ has\ been)\ {_ENDED}",
        rf"are\ we\ (?:any\ )?(?:closer?|near(?:er)?)\ to\ {_CURE}",
        rf"is\ (?:there\ )?{_CURE}\ (?:yet|in\ sight|coming)",
        # is there a call I can join
        rf"(?:is\ there|do\ we\ have|are\ you\ (?:all\ )?on)\ {_CALL}"
        r"(?:\ (?:going\ on|in\ progress|open|running|for\ this))?"
        r"(?:\ (?:that\ )?(?:i|we)\ (?:can|could|should)\ join|\ to\ join)?",
        rf"{_PLEA}{_GIVE}\ {_CALL}",
        rf"(?:can|could|may|should)\ (?:i|we)\ (?:please\ )?(?:join|hop\ on|get\ on|dial\ in\ to)\ "
        rf"{_CALL}",
        rf"(?:where(?:'?s|\ is)|what(?:'?s|\ is)|who\ has)\ (?:the\ )?{_CALL}",
        rf"(?:where|how)\ (?:do|can)\ (?:i|we)\ join(?:\ {_CALL})?",
        rf"(?:can|could|shall|should)\ (?:we|someone|you)\ (?:please\ )?"
        rf"(?:open|start|set\ up|have|get\ on|jump\ on|hop\ on)\ {_CALL}",
    )
)


_BETWEEN = re.compile(
    r"(?<=[?!.])\s+|,\s+(?=(?:any|what|when|is|do|how|can|could|eta|i|my|our|customers?|clients?|"
    r"the\ (?:board|ceo|cto|boss|customers?|clients?))\b)",
    re.IGNORECASE,
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
    rf"""^(?:
    (?:hi|hey|hello|(?:good\ )?(?:morning|afternoon|evening)|sorry(?:\ to\ (?:bother|interrupt))?|
    thanks|thank\ you|thx|cheers|folks|guys|team|all)(?:\ (?:team|all|folks|everyone|there|you))?|
    same\ question|(?:just\ )?(?:asking|checking)\b.*|
    {_THEY}\b.{{0,60}}\b(?:ask(?:s|ing|ed)?|wants?|needs?|waiting|waits?|calling|calls?|chasing|
    complaining|screaming|nervous|impatient|anxious|worried|angry|upset|knows?)\b.*|
    i(?:'m|\ am|\ have|\ need|'ve)\b.{{0,20}}\b(?:ask(?:ed|ing)?|tell|told|customers?|clients?|
    board|boss|report|call|meeting|exec(?:utive)?s)\b.*
    )[.!?,🙏\s]*$""",
    re.IGNORECASE | re.VERBOSE,
)
"""Phrases that say why somebody asks; beside a question they do not make it a conversation."""
