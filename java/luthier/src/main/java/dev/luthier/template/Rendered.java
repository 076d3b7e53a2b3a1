package dev.luthier.template;

import java.util.List;

/**
 * What a template gave.
 *
 * @param text the prompt
 * @param generationSpans the parts inside {@code generation} blocks, in order and disjoint; empty where the template
 *     has none. Blocks whose text a {@code set}, {@code filter} or {@code call} block captures are not listed, since
 *     nothing says where, or whether, that text ends up.
 */
public record Rendered(String text, List<Span> generationSpans) {
    /** Keeps its own copy of the spans. */
    public Rendered {
        generationSpans = List.copyOf(generationSpans);
    }
}
