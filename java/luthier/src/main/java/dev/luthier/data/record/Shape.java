package dev.luthier.data.record;

/** The kinds of records, each named as a user would say it. */
public enum Shape {
    TOKENS("token rows"),
    MESSAGES("messages"),
    PREFERENCE("chosen and rejected answers"),
    QUESTION_ANSWER("question and answer"),
    TEXT("raw text");

    private final String words;

    Shape(String words) {
        this.words = words;
    }

    public String words() {
        return words;
    }
}
