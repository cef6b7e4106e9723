"""What is said in the generated dialogues. The halves `tune` and `report` share no line.

A client line is texts and, between them, written pauses in seconds. A trainee turn is clauses: a comma ends
those that go on, so that a voice speaks them as unfinished.
"""

from __future__ import annotations

ClientLine = tuple[str | float, ...]
Clauses = tuple[str, ...]

CLIENT_LINES: dict[str, tuple[ClientLine, ...]] = {
    "tune": (
        ("I don't really know where to start with all of this, it has been a long week for me.",),
        ("My sister called again last night, and I let it ring until it stopped by itself.",),
        ("Most evenings I sit in the kitchen with the light off, and nobody ever asks about it.",),
        ("They gave my shifts to somebody else, and I only heard about it from the cleaner.",),
        ("I keep telling everyone that it is fine, because that is what they want to hear.",),
        ("The doctor said it was nothing, so I suppose I should be happy about that.",),
        ("When I walk past the school I still look for him at the gate.", 1.8, "Every single time."),
        ("I used to paint, you know.", 2.2, "I put everything in boxes when we moved here."),
        ("There is something that I have not told anyone yet.", 2.0, "It happened in the spring."),
        ("I was going to call you on Sunday.", 1.6, "And then I thought that you would be busy anyway."),
    ),
    "report": (
        ("The flat is so quiet since she left that I have the radio on all night long.",),
        ("I went to the group once, and I sat at the back and did not say a word to anybody.",),
        ("My father thinks that I should simply pull myself together and get on with it.",),
        ("At work they have stopped asking me along for lunch, and I can understand why.",),
        ("I have been waking up at four, and then I lie there and count the cars outside.",),
        ("It is not that I want to give up, I am just so tired of trying every single day.",),
        ("The worst part is the weekend.", 1.8, "Then there is no reason at all to get up."),
        ("We had a good summer, before all that.", 2.2, "I did not know that it was the last one."),
        ("I have started to write letters to him.", 2.0, "I never send any of them, of course."),
        ("I said something terrible to her.", 1.6, "And I cannot take it back any more."),
    ),
}

TURNS: dict[str, tuple[Clauses, ...]] = {
    "tune": (
        ("It sounds as if the evenings are the hardest part,", "and nobody really sees that."),
        ("I hear that you are tired,", "because you carry all of it alone,", "and there is no end to it."),
        ("Thank you for telling me that.",),
        ("So when the phone rings,", "you would rather not pick it up."),
        ("I wonder,", "what was it like for you,", "when you heard it from somebody else?"),
        ("That must have hurt.",),
        ("Part of you wants to talk to her,", "but another part,", "is afraid of what she might say."),
        ("What would you wish for,", "if you could choose?"),
        ("You have been holding this for a long time,", "and I am glad that you say it now."),
        ("Is it all right,", "if I ask you about the spring?"),
        ("I am not sure that I understood you,", "you said it was fine,", "and then,", "you looked away."),
        ("Take all the time you need.",),
    ),
    "report": (
        ("It seems that the nights are very long for you,", "and the radio keeps you company."),
        ("You sat there without a word,", "and still,", "you had the courage to go."),
        ("That sounds really painful.",),
        ("So your father wants you to be strong,", "but you feel,", "that he does not see how hard you try."),
        ("What goes through your mind,", "when you lie there at four in the morning?"),
        ("I can hear how much she meant to you.",),
        ("If I understand you right,", "you are not giving up,", "you are just worn out."),
        ("How was it for you to tell me this?",),
        ("Maybe we could look at the weekend together,", "when you feel ready for it."),
        ("You write to him,", "because there is so much that you could not say,", "while he was here."),
        ("It matters to me,", "that you came back today."),
        ("I am here with you.",),
    ),
}

INTERRUPTIONS: dict[str, tuple[Clauses, ...]] = {
    "tune": (
        ("Can I say something about that,", "because I think,", "you are too hard on yourself."),
        ("But have you tried to talk to them,", "before it came to this?"),
        ("That is really not your fault at all.",),
        ("The same thing happened to me last year,", "and in the end,", "it all turned out fine."),
        ("When exactly was that?",),
    ),
    "report": (
        ("I really think you should see a doctor,", "when it has been going on,", "for so long."),
        ("But why did you not just call me,", "if you felt so bad?"),
        ("My mother was exactly like that too.",),
        ("You have to look at it from his side,", "because he may be,", "just as sad as you are."),
        ("Who in the world told you that?",),
    ),
}
"""What takes the floor; the first clause alone is long enough for that."""

BACKCHANNELS: dict[str, tuple[str, ...]] = {
    "tune": ("mm-hm", "yeah", "right", "okay", "I see", "hmm"),
    "report": ("mm-hm", "yeah", "mm", "yes", "oh", "uh-huh"),
}

FILLED_PAUSES = ("um", "uh", "um", "uhm")
