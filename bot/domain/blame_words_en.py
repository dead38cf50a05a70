"""English: what blame, hindsight and filler look like, and what to write instead."""

from __future__ import annotations

from bot.domain.blame_words import Language, Wording

_NOUN = (
    r"(?:teams?|engineers?|developers?|devs|operators?|operations|administrators?|admins?|dbas?|"
    r"responders?|reviewers?|maintainers?|authors?|managers?|management|colleagues?|employees?|"
    r"interns?|contractors?|staff|crew|support|people|persons?|deployers?|leadership|technicians?|"
    r"analysts?|testers?|consultants?|shift|rotation|on-?call|humans?|users? of the tool|leads?)"
)
"""Nouns for people whom a sentence can blame."""

_THE = r"(?:the|an?|our|their|this|that|two|three|several|some|both|all|one|many|most|each|every)"

_HUMAN = (
    rf"(?:(?:{_THE} )?(?:[\w'-]{{1,30}} ){{0,3}}?{_NOUN}"
    r"|we|they|he|she|you|i|somebody|someone|anyone|anybody|nobody|no one|no-one|everyone|"
    r"everybody|whoever|{people})"
)

_ONE = (
    r"(?:engineer|developer|operator|administrator|admin|dba|reviewer|technician|analyst|tester|"
    r"author|employee|intern|contractor|deployer|person|colleague|consultant|manager|lead)"
)

_ADVERB = (
    r"(?:(?:had|has|have|simply|just|also|repeatedly|apparently|again|then|first|later|wrongly|"
    r"who had|who|that|of \w+|in \w+|on \w+) ){0,3}"
)

_WRONG = (
    r"(?:failed to|neglect\w*|forgot\w*|ignor(?:ed|es|ing)|overlook\w*|mishandled|misread|"
    r"botched|skipped|refused|disregarded|fat-fingered|mistyped|misconfigured|misunderstood|"
    r"screwed up|messed up|misjudged|broke (?:the|production|it)|rushed|hesitated|panicked|argued|"
    r"dawdled|caused the|left (?:the|a|an|it|this) [\w -]{0,20}(?:open|unprotected|on|running|out|"
    r"unattended|enabled|disabled)|took (?:too|so|very) long|got (?:it|this|that) wrong|"
    r"did (?:it|this|that) wrong|made (?:an?|the|some|several) (?:\w+ ){0,2}(?:mistakes?|errors?|"
    r"blunders?|slips?)|lost (?:track|sight|control)|underestimated|could not be bothered|"
    r"should know better|dropped the ball|"
    r"(?:was|were|is|are) (?:too |very |rather |simply )?(?:slow|late|careless|inattentive|"
    r"unprepared|wrong|at fault|overconfident|distracted|lazy|sloppy|unaware of|not paying|"
    r"not careful|not aware|confused|asleep|to blame|guilty|negligent|responsible for the \w+)|"
    r"(?:did not|didn't|do not|don't|does not|had not|hadn't|have not|haven't|has not|never|"
    r"never even) "
    r"(?!have|had\b|know|knew|see\b|saw\b|reach|need|receive|get |got |exist|yet|find|hear|own)\w+)"
)
"""Phrases that say what somebody did wrong or did not do."""

_LEARNED = r"(?:\w+(?:ed|en|wn|ne|ad|ade|ept|elt|ent|un|ut|et|ug|ought|aught|ound|old|one)|been)"

ENGLISH = Language(
    code="en",
    people=(
        rf"\b(?:{_NOUN}|we|they|he|she|you|i|somebody|someone|anyone|anybody|nobody|no one|no-one|"
        r"everyone|everybody|whoever|{people})\b"
    ),
    names=Wording(
        rule="named",
        pattern=r"@[A-Za-z0-9][\w.:-]*",
        why="A postmortem names actions and their outcomes, not the people who took them.",
        advice="Say what was done, and what made it sensible then: “A deploy was performed that …”",
    ),
    passive={
        "deployed": "deployed",
        "restarted": "restarted",
        "dropped": "dropped",
        "pushed": "pushed",
        "merged": "merged",
        "deleted": "deleted",
        "ran": "run",
        "raised": "raised",
        "applied": "applied",
        "removed": "removed",
        "changed": "changed",
        "approved": "approved",
        "disabled": "disabled",
        "enabled": "enabled",
        "typed": "typed",
        "updated": "updated",
        "reverted": "reverted",
        "stopped": "stopped",
        "started": "started",
        "set": "set",
        "switched": "switched",
        "released": "released",
        "executed": "executed",
        "wrote": "written",
        "reviewed": "reviewed",
        "killed": "killed",
        "scaled": "scaled",
        "upgraded": "upgraded",
        "restored": "restored",
        "copied": "copied",
        "reset": "reset",
        "configured": "configured",
        "rolled back": "rolled back",
        "switched off": "switched off",
        "turned off": "turned off",
        "failed over": "failed over",
    },
    was=("was", "were"),
    ends=r"(?:without|to|on|in|at|from|before|after|with|by|for|because|and|while|which|that|into|twice)",
    rewritten="Say what was done, and not by whom: “{}”",
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
                rf"\b(?:the|an?|our|one)\s+(?:(?!of\b)[\w-]{{1,30}}\s+){{0,2}}{_ONE}\b(?=\s+(?:who|that|on "
                r"(?:duty|call|shift)|in charge|responsible|at the (?:keyboard|console)|had|has|"
                r"was|did|typed|wrote|pushed|dropped|ran|took|gave|put|set|sent|went|left|made|"
                r"kept|chose|thought|"
                r"(?!received|needed|used|based)[a-z]+ed|mis\w+)\b)"
                rf"|\bthe\s+on-?call\s+{_ONE}\b|\bthe\s+(?:author|owner)\s+of\s+(?:the|this)\s+"
                r"(?:change|commit|migration|script|deploy|query|pull request)\b"
                r"|\b(?:his|her) (?:change|commit|deploy|mistake|query|script|laptop|machine)\b"
            ),
            unless=(
                r"(?:the |an? )?(?:\w+ (?:of the cluster|process|role|portal|index|bot|tool|record|"
                r"search|that runs in)|kubernetes operator)"
            ),
            why="One person stands for what a system let happen.",
            advice="Leave the person out: say what was done, and what tools and signals there were.",
        ),
        Wording(
            rule="blame",
            somebody=rf"\b{_HUMAN}(?:'s)?,? {_ADVERB}{_WRONG}",
            pattern=(
                rf"\b(?:ignored|missed|overlooked|forgotten|neglected|skipped|caused|mishandled|"
                rf"botched|broken|misread|misconfigured|disregarded|silenced) by (?:{_THE} )?"
                rf"(?:[\w'-]{{1,30}} ){{0,3}}?{_NOUN}\b"
                rf"|\b{_NOUN}'s? (?:own )?(?:fault|mistakes?|errors?|oversight|failure|negligence)"
                r"|\b(?:fault|mistake|error|failure|oversight|negligence) (?:of|by) (?:the |our |an? )?"
                rf"(?:[\w'-]{{1,30}} ){{0,2}}?{_NOUN}\b"
                r"|\b(?:bothered to|took (?:no )?responsibility for)\b"
                r"|\bto blame\b|\bblamed? (?:on|for)\b"
                r"|\b(?:careless|carelessly|negligen\w+|reckless\w*|sloppy|sloppily|lazy|lazily|"
                r"incompeten\w+|stupid\w*|mistakenly|inexperienced|irresponsibl\w+|unprofessional\w*|"
                r"clumsy|clumsily|hastily|thoughtless\w*)\b"
                r"|\b(?:was|were|been|got) (?:simply )?forgotten\b"
            ),
            why="It asks who did wrong. What the system let happen stays unseen, and so unmended.",
            advice="Ask why it made sense at the time: which signal, tool or guardrail was missing?",
        ),
        Wording(
            rule="hidden-blame",
            somebody=(
                rf"\b{_HUMAN} should(?: have|'ve) (?:noticed|known|seen|realised|realized|spotted)"
            ),
            pattern=(
                r"\b(?:human|operator|user|pilot|manual|typing|handling) (?:error|mistake|slip)s?\b"
                r"|\b(?:insufficient|inadequate|too little|not enough) (?:care|attention|diligence|"
                r"caution|thought)\b"
                r"|\b(?:lack|absence|want) of (?:care|attention|diligence|discipline|training|"
                r"experience|vigilance|judge?ment|awareness|caution|ownership|communication|"
                r"knowledge)\b(?! to the)"
                r"|\bwithout (?:due |proper |much )?(?:care|diligence|thought|thinking)\b"
                r"|\bdue (?:care|diligence) (?:was|were)\b"
                r"|\b(?:inexperience|complacen\w+|carelessness|poor judge?ment|bad judge?ment|"
                r"better judge?ment|oversight|inattention|overconfidence|forgetfulness|sloppiness)\b"
                r"|\b(?:process|procedure|policy|guideline|rule|checklist|protocol|runbook|"
                r"documentation|instruction|convention|standard)s? "
                r"(?:was|were) (?:not (?:followed|read|respected|observed|heeded|adhered|obeyed|"
                r"consulted)|ignored|violated|disregarded|bypassed|skipped|broken)"
                r"|\bwent (?:unnoticed|unheeded|unread|unseen)\b"
                r"|\b(?:nobody|no one|no-one|none of the \w+) (?:noticed|saw|realised|realized|"
                r"thought|cared|looked|checked|reacted)\b"
                r"|\bwarnings?(?: signs?)? (?:was|were) (?:missed|ignored|overlooked|not)"
                r"|\b(?:was|were|been) (?:overlooked|not heeded|not noticed|not taken seriously)\b"
                r"|\b(?:it was|it is|was) (?:obvious|clear to anyone)\b|\bobviously\b"
                r"|\bcommon sense\b|\b(?:the|a) (?:\w+ )?mistake was made\b"
                r"|\bmistakes (?:were|had been) made\b|\bby mistake\b(?! of)"
                r"|\bmistake by\b|\b(?:silly|simple|stupid|basic|rookie|beginner's) (?:mistake|error|"
                r"typo|oversight)\b"
            ),
            why="It blames without a name: the question is why the signal did not reach anybody.",
            advice="Say what was missing: “The alert fired once, among 60 others, and asked nothing.”",
        ),
        Wording(
            rule="counterfactual",
            somebody=(
                rf"\b{_HUMAN} (?:could|might|would)(?: (?:easily|well|simply))?(?: have|'ve)\b"
                rf"|\bif {_HUMAN} had\b|\bhad {_HUMAN} (?:only )?(?:\w+ed|been|known|seen|read|run)\b"
            ),
            pattern=(
                r"\b(?:should|ought to)(?:n't)?(?: (?:not|never|also|at least|probably|really|all))?"
                rf"(?: have|'ve) (?:(?:not|never|also|long) )?{_LEARNED}\b"
                r"|\bought (?:not )?to (?:have )?(?:gone|been|happened|\w+ed)\b"
                r"|\bshould(?:n't)?(?: not| never)?(?: have|'ve) (?:gone|come|been|run|set|begun|had|"
                r"put|sent|taken|led|told)\b"
                r"|\b(?:could|might|would)(?: (?:easily|well|probably|never|not|likely))?"
                r"(?: have|'ve) (?:easily |probably |simply )?(?:been )?"
                r"(?:prevented|avoided|caught|noticed|detected|spotted|averted|revealed|shown up|"
                r"stopped (?:this|it)|saved|better|happened|occurred|known|shorter|easy|enough|"
                r"sufficed|mitigated|helped|contained|limited|flagged|alerted|possible)"
                r"|\b(?:could|would)'ve\b|\bwould have been (?:better|seen|easier|wiser|prudent)\b"
                r"|\bif only\b|\bhad (?:the|an?|this|that) (?:[\w-]{1,30} ){1,3}(?:been|existed|fired)\b"
                r"|\bif the (?:[\w-]{1,30} ){1,2}had been (?:acted|read|followed|watched|checked|heeded|"
                r"tested|raised|noticed|reviewed)\b"
                r"|\b(?:needed|was supposed|were supposed|was meant|were meant) to have\b"
            ),
            unless=r"(?:could|would) have (?:been )?(?:affected|overflowed|grown|taken|needed)",
            why="What did not happen explains nothing. What happened, and why it made sense, does.",
            advice="Say what was the case: “The canary took 1 % of traffic, too little to show it.”",
        ),
        Wording(
            rule="care",
            somebody=(
                rf"\b{_HUMAN} (?:should|must|need to|have to|are asked to|is asked to|agreed to|will|"
                r"are expected to|are urged to|promised to|is expected to) (?:always |now |also )?"
                r"(?:verify|check|watch|remember|read|think|communicate|concentrate|focus|slow down|"
                r"coordinate better|ask before|confirm manually|follow the|respect the|know)\b"
            ),
            pattern=(
                r"\b(?:be|being|been|become) (?:more |extra |very |much more )?(?:careful|vigilant|"
                r"cautious|diligent|thorough|mindful|attentive|alert|aware|disciplined|proactive|"
                r"conscientious)\b"
                r"|\bdouble[- ]check (?:the|every|each|that|your|all|before|their|twice)\b"
                r"|\bpay\w* (?:more |closer |close |better |extra |special )?(?:attention|heed)\b"
                r"|\bremember to\b|\bremind(?:ed)? (?:everyone|people|the|all|engineers|them|staff)\b"
                r"|\b(?:was|were|been|be) reminded\b|\b(?:should|must|need to|will) remember\b"
                r"|\b(?:take|taking|took) (?:more|extra|greater|better|special|particular|the "
                r"necessary) (?:care|caution|time)\b"
                r"|\b(?:more|greater|extra|better) (?:care|caution|diligence|vigilance|attention|"
                r"discipline|awareness)\b"
                r"|\btry (?:harder|to be)\b|\bmake sure to\b|\bexercise (?:\w+ )?caution\b"
                r"|\b(?:stay|remain) (?:alert|vigilant|focused|attentive)\b|\bmore carefully\b"
                r"|\bmake sure (?:that )?(?:everyone|everybody|people|engineers|the team|they)\b"
                r"|\b(?:keep|keeping) (?:an?|a closer|a close|a better|a sharp) eye\b|\b(?:keep|bear) "
                r"in mind\b|\bthink twice\b|\blook twice\b|\bcommunicate (?:better|more)\b"
                r"|\bhandled? with care\b|\bwatch out\b|\bcheck twice\b"
            ),
            why="Care is the weakest control there is; it holds until the next tired night.",
            advice="What would the system do instead: refuse, ask, check by itself, roll back?",
        ),
    ),
    filler=(
        Wording(
            rule="filler",
            # What the rule looks for in people's documents. None of it is left to do here.
            pattern=(
                r"\b(?:TBD|TODO|FIXME|XXX)\b|(?<!\\)\[(?=[^\]\[]{0,200}[a-z]{3})[^\]\[\n\\]{3,300}\](?!\()"
                r"|\b[Ll]orem ipsum\b"
            ),
            unless=r"\[[^\]]{1,3}(?:, ?[^\],]{1,3})+\]|todo [a-z]",
            why="Nobody can learn from a blank.",
            advice="Write what is known, or say who finds it out by when.",
        ),
        Wording(
            rule="filler",
            pattern=(
                r"(?i:^\W*(?:tbd|tba|tbc|wip|todo|n/?a|none|nothing|not applicable|unknown|pending|"
                r"nothing (?:to|special|in particular)(?: \w+)?|no comment|same as above|as above|"
                r"see (?:above|below|timeline|chat|ticket|summary)|(?:more )?details? to follow|"
                r"more to come|coming soon|under investigation|work in progress|placeholder|"
                r"(?:still )?to (?:be|follow)(?: (?:determined|written|filled|done|completed|"
                r"confirmed|added|defined|discussed|decided))?(?: in)?(?: later| soon)?|later|"
                r"fill (?:this )?in(?: later)?|insert [\w ]+ here|\?+|\.{2,}|-+|x+)\W*$)"
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
        r"\b(?:contribut\w+|factors?|(?:made|makes) (?:\w+ )?possible|because|also|and no\b|"
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
