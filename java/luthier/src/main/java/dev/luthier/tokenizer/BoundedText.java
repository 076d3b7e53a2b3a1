package dev.luthier.tokenizer;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Text for a matcher that counts what is read of it and stops a match that backtracks without end. A search over n characters may read
 * 200 n + 100,000 of them; the expressions of real tokenizers read each character a handful of times.
 */
final class BoundedText implements CharSequence {
    private final String text;
    private final String owner;
    private long left;

    private BoundedText(String text, String owner, int length) {
        this.text = text;
        this.owner = owner;
        this.left = 200L * length + 100_000;
    }

    /** What to do with each match. */
    interface Match {
        void at(int start, int end);
    }

    /**
     * Reports the matches in {@code text[start, end)}, which the expression sees as if it stood alone. A match of nothing is
     * reported too, except right after another match and inside a surrogate pair.
     *
     * @param owner the file named when the search is stopped
     */
    static void search(Pattern pattern, String text, int start, int end, String owner, Match match) {
        Matcher matcher = pattern.matcher(new BoundedText(text, owner, end - start)).region(start, end);
        try {
            int last = -1;
            while (matcher.find()) {
                int from = matcher.start();
                if (matcher.end() == from && from == last || splitsPair(text, from, start)) continue;
                last = matcher.end();
                match.at(from, last);
            }
        } catch (StackOverflowError e) {
            throw new TokenizerException(owner, "", "the regular expression " + TokenizerException.quote(pattern.pattern())
                    + " nests too deeply on this text; split the text");
        }
    }

    private static boolean splitsPair(String text, int at, int start) {
        return at > start && at < text.length() && Character.isLowSurrogate(text.charAt(at)) && Character.isHighSurrogate(text.charAt(at - 1));
    }

    @Override
    public int length() {
        return text.length();
    }

    @Override
    public char charAt(int index) {
        if (--left < 0) throw new TokenizerException(owner, "", "a regular expression of the tokenizer takes too long on this text");
        return text.charAt(index);
    }

    @Override
    public CharSequence subSequence(int start, int end) {
        return text.substring(start, end);
    }

    @Override
    public String toString() {
        return text;
    }
}
