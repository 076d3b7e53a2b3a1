package dev.luthier.data.record;

/** Reasoning written into the answer between {@code <think>} and {@code </think>}, taken apart. */
public final class Thinking {
    public static final String OPEN = "<think>";
    public static final String CLOSE = "</think>";

    private Thinking() {}

    /**
     * An assistant's turn with its reasoning apart. Reasoning is taken out of {@code content} only where the content
     * begins with it and none was given beside it.
     *
     * @param thinking reasoning that the data gave in a field of its own, or null
     */
    public static Turn split(String content, String thinking) {
        if (content == null || thinking != null) return Turn.answer(thinking, content);
        String s = content.stripLeading();
        int close = s.indexOf(CLOSE);
        if (!s.startsWith(OPEN) || close < 0) return Turn.answer(null, content);
        String inside = s.substring(OPEN.length(), close).strip();
        return Turn.answer(inside.isEmpty() ? null : inside, s.substring(close + CLOSE.length()).stripLeading());
    }
}
