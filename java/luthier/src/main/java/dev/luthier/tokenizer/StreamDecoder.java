package dev.luthier.tokenizer;

import java.util.List;

/**
 * Decodes ids as they come. What {@link #next} and {@link #finish} return, put together, is exactly what {@link Tokenizer#decode} makes of
 * all the ids; no piece ends inside a character. Bytes wait until they are a character, and bytes of a vocabulary that falls back to byte
 * tokens until the run of them ends. For one thread.
 */
public final class StreamDecoder {
    private final Vocabulary vocabulary;
    private final boolean skipSpecial;
    private final StringBuilder ready = new StringBuilder();
    private final Decoder.Sink chain;
    private boolean finished;

    StreamDecoder(Vocabulary vocabulary, List<Decoder> steps, boolean skipSpecial) {
        this.vocabulary = vocabulary;
        this.skipSpecial = skipSpecial;
        Decoder.Sink sink = new Decoder.Sink() {
            @Override
            public void part(String text, boolean ends) {
                ready.append(text);
            }

            @Override
            public void finish() {
                // all parts have come
            }
        };
        for (Decoder step : steps.reversed()) sink = step.before(sink);
        chain = sink;
    }

    /**
     * Takes the next id and returns the text that is sure by now, often empty. Ids without a token, such as the padding of an embedding
     * matrix, mean no text.
     *
     * @throws IllegalArgumentException where the id is negative
     */
    public String next(int id) {
        accept(id);
        return take();
    }

    /** Ends the stream and returns the text still waiting; broken UTF-8 at the end becomes U+FFFD. */
    public String finish() {
        end();
        return take();
    }

    void accept(int id) {
        if (finished) throw new IllegalStateException("the stream has ended");
        if (id < 0) throw new IllegalArgumentException("token id " + id + " is negative");
        if (!vocabulary.has(id) || skipSpecial && vocabulary.isSpecial(id)) return;
        chain.part(vocabulary.decodedText(id), true);
    }

    void end() {
        if (!finished) chain.finish();
        finished = true;
    }

    String take() {
        String text = ready.toString();
        ready.setLength(0);
        return text;
    }
}
