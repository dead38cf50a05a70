"""English: what blame, hindsight and filler look like, and what to write instead."""

from __future__ import annotations

from bot.domain.wording import Language, Wording

_HUMAN = (
    r"(?:(?:the |an? |our |their |this |that )?(?:[a-z-]+ ){0,2}?"
    r"(?:teams?|engineers?|developers?|operators?|operations|administrators?|admins?|dbas?|"
    r"responders?|reviewers?|maintainers?|authors?|managers?|management|colleagues?|employees?|"
    r"interns?|contractors?|staff|crew|support|people|persons?|deployer|leadership)"
    r"|we|they|he|she|you|i|somebody|someone|anyone|anybody|nobody|no one|everyone|everybody"
    r"|{people})"
)

_ONE = (
    r"(?:engineer|developer|operator|administrator|admin|dba|reviewer|"
    r"author|employee|intern|contractor|deployer|person)"
)

_LEARNED = r"(?:\w+(?:ed|en|wn|ne|ad|ade|ept|elt|ent|un|ut|et|ug|ought|aught|ound|old|one)|been)"

ENGLISH = Language(
    code="en",
    human=_HUMAN,
    names=Wording(
        rule="named",
        pattern=r"@[A-Za-z0-9][\w.:-]*",
        why="A postmortem names actions and their outcomes, not the people who took them.",
        advice="Say what was done, and what made it sensible then: “A deploy was performed that …”",
    ),
    words_that_are_names=frozenset(
        {
            "will",
            "mark",
            "grace",
            "may",
            "april",
            "june",
            "bill",
            "rob",
            "pat",
            "chase",
            "hope",
            "faith",
            "dev",
            "art",
            "frank",
            "rich",
            "dawn",
            "joy",
            "sky",
            "rose",
            "jack",
            "drew",
            "miles",
            "norm",
            "wade",
            "summer",
            "autumn",
        }
    ),
    narrative=(
        Wording(
            rule="named",
            pattern=(
                rf"\b(?:the|an?|our|one)\s+(?:(?:on-?call|on-duty|junior|senior|new|database|"
                rf"network|system|release|duty)\s+){{0,2}}{_ONE}\b(?=\s+(?:who|that|on|had|has|was|"
                rf"is|did|[a-z]+ed|[a-z]*ran|typed|wrote|pushed|dropped|restarted|ran|deleted)\b)"
                rf"|\bthe\s+on-?call\s+{_ONE}\b|\bthe\s+author\s+of\s+(?:the|this)\s+(?:change|"
                rf"commit|migration|script|deploy|query|pull request)\b"
            ),
            unless=r"(?:the |an? )?\w+ (?:of the cluster|process|role|portal|that runs in)",
            why="One person stands for what a system let happen.",
            advice="Leave the person out: say what was done, and what tools and signals there were.",
        ),
        Wording(
            rule="blame",
            pattern=(
                rf"\b{_HUMAN}(?:'s)?\s+(?:(?:had|has|have|simply|just|also|repeatedly|apparently)"
                r"\s+)?"
                r"(?:failed to|neglect\w*|forgot\w*|ignor(?:ed|es)|overlooked|mishandled|"
                r"botched|skipped|refused to|disregarded|fat-fingered|mistyped|"
                r"screwed up|messed up|misjudged|broke (?:the|production)|"
                r"(?:did not|didn't|do not|don't|never) (?:bother|test|check|verify|"
                r"read|follow|review|think|care|ask|look|notice|realise|realize|remember|update|"
                r"tested|checked|verified|reviewed|looked|asked)\w*|"
                r"never (?:test|check|verif|review|look|ask)\w*|"
                r"made (?:an?|the) (?:\w+ )?(?:mistake|error|blunder))"
                r"|\b(?:bothered to|took (?:no )?responsibility for)\b"
                r"|\b(?:to blame|is responsible for the (?:outage|incident|failure)|"
                rf"are responsible for the (?:outage|incident|failure))\b"
                r"|\b(?:team|engineer|operator|developer|manager)'s (?:fault|mistake|error)\b"
                r"|\b(?:careless|carelessly|negligen\w+|reckless\w*|sloppy|sloppily|lazy|"
                r"incompeten\w+|stupid\w*|mistakenly)\b"
                r"|\b(?:was|were|been|got) forgotten\b"
                r"|\bfault of the \w+ team\b"
            ),
            why="It asks who did wrong. What the system let happen stays unseen, and so unmended.",
            advice="Ask why it made sense at the time: which signal, tool or guardrail was missing?",
        ),
        Wording(
            rule="hidden-blame",
            pattern=(
                r"\b(?:human|operator|user|pilot|manual) error\b"
                rf"|\b{_HUMAN} should(?: have|'ve) (?:noticed|known|seen|realised|realized|spotted)"
                r"|\b(?:insufficient|inadequate|too little) (?:care|attention|diligence)\b"
                r"|\b(?:lack|absence) of (?:care|attention|diligence|discipline|training|"
                r"experience|vigilance|judge?ment)\b(?! to the)"
                r"|\bwithout (?:due |proper )?(?:care|diligence)\b"
                r"|\b(?:inexperience|complacen\w+|carelessness|poor judge?ment|bad judge?ment)\b"
                r"|\b(?:process|procedure|policy|guideline|rule|checklist|protocol)s? "
                r"(?:was|were) (?:not followed|ignored|violated|disregarded|bypassed|skipped)"
                r"|\bwent unnoticed\b|\b(?:nobody|no one|no-one) (?:noticed|saw|realised|realized)\b"
                r"|\b(?:it was|it is) (?:obvious|clear to anyone)\b|\bobviously\b"
                r"|\bcommon sense\b|\bthe mistake was made\b"
            ),
            why="It blames without a name: the question is why the signal did not reach anybody.",
            advice="Say what was missing: “The alert fired once, among 60 others, and asked nothing.”",
        ),
        Wording(
            rule="counterfactual",
            pattern=(
                r"\b(?:should|ought to)(?:n't)?(?: (?:not|never|also|at least|probably))?"
                rf"(?: have|'ve) (?:(?:not|never|also) )?{_LEARNED}\b"
                r"|\bought to (?:have )?(?:gone|been)\b"
                r"|\bshould(?:n't)?(?: not| never)?(?: have|'ve) (?:gone|come|been|run|set|begun)\b"
                r"|\b(?:could|might|would)(?: (?:easily|well|probably))?(?: have|'ve) (?:been )?"
                r"(?:prevented|avoided|caught|noticed|detected|spotted|averted|revealed|shown up|"
                r"stopped (?:this|it)|saved|better)\b"
                rf"|\b{_HUMAN} (?:could|might|would)(?: have|'ve)\b"
                r"|\bcould've\b|\bwould've\b"
                r"|\bwould have been (?:better|seen|easier|enough)\b"
                rf"|\bif {_HUMAN} had\b|\bhad {_HUMAN} \w+ed\b"
                r"|\bif only\b|\bhad the \w+ been (?:watched|checked|tested|read|followed)\b"
                r"|\bif the \w+ had been (?:acted|read|followed|watched|checked|heeded|tested)\b"
            ),
            why="What did not happen explains nothing. What happened, and why it made sense, does.",
            advice="Say what was the case: “The canary took 1 % of traffic, too little to show it.”",
        ),
        Wording(
            rule="care",
            pattern=(
                r"\b(?:be|being|been) (?:more |extra |very )?(?:careful|vigilant|cautious|diligent|"
                r"thorough|mindful|attentive|alert)\b"
                r"|\bdouble[- ]check (?:the|every|each|that|your|all|before)\b"
                r"|\bpay\w* (?:more |closer |close |better )?attention\b"
                r"|\bremember to\b|\bremind(?:ed)? (?:everyone|people|the|all|engineers|them)\b"
                r"|\b(?:was|were|been) reminded\b"
                r"|\b(?:take|taking|took) (?:more|extra|greater|better) care\b|\bmore care\b"
                r"|\btry harder\b|\bmake sure to\b|\bextra caution\b|\bexercise caution\b"
                r"|\bstay (?:alert|vigilant)\b|\bmore carefully\b|\bmake sure (?:that )?(?:everyone|"
                r"everybody|people|engineers|the team)\b"
            ),
            why="Care is the weakest control there is; it holds until the next tired night.",
            advice="What would the system do instead: refuse, ask, check by itself, roll back?",
        ),
    ),
    filler=(
        Wording(
            rule="filler",
            pattern=(
                r"\b(?:TBD|TODO|FIXME|XXX)\b|(?<!\\)\[(?=[^\]]*[a-z]{3})[^\]\n\\]{3,}\](?!\()"
                r"|\b[Ll]orem ipsum\b"
            ),
            unless=r"\[[^\]]{1,3}(?:, ?[^\],]{1,3})+\]|todo [a-z]",
            why="Nobody can learn from a blank.",
            advice="Write what is known, or say who finds it out by when.",
        ),
        Wording(
            rule="filler",
            pattern=(
                r"(?i:^\W*(?:tbd|todo|n/?a|none|nothing|see above|see below|details to follow|"
                r"to (?:be|follow)(?: (?:determined|written|filled|done|completed|confirmed))?"
                r"(?: in)?(?: later)?|later|\?+|\.{2,}|-+|x+)\W*$)"
            ),
            why="Nobody can learn from a blank.",
            advice="Write what is known, or say who finds it out by when.",
        ),
    ),
    paraphrase=Wording(
        rule="paraphrase",
        pattern=(
            r"\b(?:things? (?:got|became|went|were)|various|several (?:fixes|things|attempts)|"
            r"some (?:fixes|things|errors|issues|problems)|eventually|at some point|after a while|"
            r"somehow|stuff|etc)\b"
        ),
        why="The timeline is where others learn from: what exactly was seen or done?",
        advice="Name the signal and its value, or the step and its object.",
    ),
    single_cause=(
        r"\b(?:the (?:only |sole |single )?(?:root )?cause (?:of \w+ \w+ )?(?:was|is)|"
        r"caused solely by|solely (?:due to|because)|single root cause)\b"
    ),
    contributing=(
        r"\b(?:contribut\w+|factors?|made (?:that|this|it) possible|because|also|and no\b|"
        r"while|in addition|besides|why the (?:existing )?controls|beyond that)\b"
    ),
    vague_start=(
        r"(?:improve|better|enhance|increase|strengthen|optimi[sz]e|more|look into|investigate|"
        r"explore|consider|discuss|review|revisit|rethink|evaluate|think about|talk to|make|"
        r"communicate|clean up|fix|address|work on|ensure|be|monitor|document|update|refactor|"
        r"raise awareness)"
    ),
    vague_words=(
        r"\b(?:better|more robust|more reliable|technical debt|awareness|best practices?|properly|"
        r"as needed|if possible)\b"
    ),
    concrete=(
        r"\d|`|“|\"|\b(?:when|every|each|after|before|by name|until|unless|instead of|within|from|"
        r"in CI|nightly|daily|weekly|monthly|runbook|rejects?|alert (?:on|when)|page when)\b"
    ),
    care=(
        r"\b(?:careful|carefully|care\b(?! plan)|attention|vigilan\w+|cautio\w+|diligen\w+|mindful|"
        r"double[- ]check|remind\w*|remember|thorough|try harder)"
    ),
    headings={
        "summary": "narrative",
        "impact": "impact",
        "timeline": "timeline",
        "root cause": "cause",
        "root causes": "cause",
        "root cause(s)": "cause",
        "what went well": "narrative",
        "what went poorly": "narrative",
        "action items": "actions",
        "actions": "actions",
        "lessons learned": "narrative",
    },
    says={
        "empty": ("The section is empty.", "Write it, or say what was looked for and not found."),
        "no-numbers": (
            "Impact without a number cannot be compared or believed.",
            "How many users, requests, orders; for how long; an estimate is enough.",
        ),
        "single-cause": (
            "One cause is usually where somebody stopped looking.",
            "And what made that possible? Add what contributed, and why controls did not stop it.",
        ),
        "no-time": (
            "A line of the timeline without a time cannot be put in order.",
            "Begin it with the time in UTC: - 14:05 — …",
        ),
        "proposed": (
            "Sitrep proposed this from the record; nobody has confirmed it.",
            "Put it in your words, or take it as it stands.",
        ),
        "vague": ("", "Name the signal and its threshold, the component, what is there then."),
        "count": (
            "A postmortem has 3 to 7 actions: fewer changes little, more are not done.",
            "Add what was seen on the way, or merge and drop.",
        ),
        "bottom-rungs": (
            "Every action asks people to know or to care more; none changes the system.",
            "What would make it impossible, detected by itself, or quick to undo?",
        ),
        "no-owner": ("An action without a person is nobody's.", "One person: owner:@name"),
        "no-date": ("An action without a date is not promised.", "due:2026-12-01"),
        "vague-signal": ("which signal, at what threshold, who sees it?", ""),
        "vague-words": ("what exactly is there when it is done?", ""),
        "vague-short": ("too short to tick off: what is changed, and where?", ""),
    },
)
