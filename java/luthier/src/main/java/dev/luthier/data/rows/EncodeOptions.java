package dev.luthier.data.rows;

/**
 * @param maxLength     longest row in tokens
 * @param longRows      what happens to longer ones
 * @param trainOnPrompt true: every token is learned, not the answer alone
 * @param vocabulary    number of token ids; rows that come as ids are checked against it; 0: unknown
 */
public record EncodeOptions(int maxLength, LongRows longRows, boolean trainOnPrompt, int vocabulary) {
    /** What happens to a row longer than the limit. */
    public enum LongRows {
        /** The end is cut off, and with it the end token: the model must not learn to stop in mid-sentence. */
        TRUNCATE,
        DROP,
        /** Cut into pieces of the greatest length; pieces without anything to learn are left out. */
        SPLIT
    }

    public EncodeOptions {
        if (maxLength < 2) {
            throw new IllegalArgumentException("maxLength " + maxLength
                    + " must be at least 2: one token is predicted from another");
        }
    }

    public static EncodeOptions ofLength(int maxLength) {
        return new EncodeOptions(maxLength, LongRows.TRUNCATE, false, 0);
    }
}
