package dev.luthier.data;

import java.util.OptionalInt;
import java.util.Set;

/**
 * What this room needs of a tokenizer. Implementations must be safe for use by several threads.
 */
public interface TextEncoder {
    /**
     * Token ids of {@code text}; no token is added for the begin or the end.
     *
     * @param parseSpecial true: the text of an added token becomes that token; false: control tokens are not
     *                     recognised, their text is encoded like any other
     * @param continued    true: the text follows other tokens, so a tokenizer that puts a space before its input must
     *                     not do so
     */
    int[] encode(String text, boolean parseSpecial, boolean continued);

    /** Text of the ids, control tokens included. */
    String decode(int[] ids);

    /** The token that this tokenizer puts before every text, or empty when it puts none. */
    OptionalInt begin();

    /** The token that ends an answer when the frame has not already ended it. */
    int end();

    /** True for every token at which generation stops, {@link #end} among them. */
    boolean isEnd(int id);

    /** Texts of the control tokens: where user text holds one of these it must not become the token. */
    Set<String> controlTokens();
}
