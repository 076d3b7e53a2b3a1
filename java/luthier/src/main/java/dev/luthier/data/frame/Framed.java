package dev.luthier.data.frame;

import java.util.List;
import java.util.stream.Collectors;

/**
 * Text ready to be encoded.
 *
 * @param spans         in order; the text is their concatenation
 * @param begin         true: the tokenizer's begin token, if it puts one, belongs before the text (a chat template has
 *                      written it itself)
 * @param opensThinking true for a prompt that ends inside the model's reasoning
 */
public record Framed(List<Span> spans, boolean begin, boolean opensThinking) {
    public Framed {
        spans = List.copyOf(spans);
    }

    public String text() {
        return spans.stream().map(Span::text).collect(Collectors.joining());
    }
}
