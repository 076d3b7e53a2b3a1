package dev.luthier.data.frame;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * Keeps control tokens that stand in the user's text from becoming tokens. Text that runs through a chat template is
 * marked with noncharacters of Unicode (U+FDD0, U+FDD1), which no text contains by right, and unmarked behind it.
 */
final class ControlText {
    private static final char MARK = '\uFDD0';
    private static final char MARK_END = '\uFDD1';
    private static final Pattern MARKED = Pattern.compile(MARK + "(\\d{1,9})" + MARK_END);

    private final List<String> tokens;
    private final Pattern pattern;

    ControlText(Collection<String> controlTokens) {
        // The longest first, as the tokenizer would find them; the marks themselves are taken along.
        tokens = new ArrayList<>(controlTokens);
        tokens.removeIf(String::isEmpty);
        tokens.sort(Comparator.comparingInt(String::length).reversed().thenComparing(Comparator.naturalOrder()));
        tokens.add(String.valueOf(MARK));
        tokens.add(String.valueOf(MARK_END));
        pattern = Pattern.compile(tokens.stream().map(Pattern::quote).collect(Collectors.joining("|")));
    }

    /** The text with each control token replaced by a mark. */
    String mark(String text) {
        Matcher m = pattern.matcher(text);
        if (!m.find()) return text;
        return m.replaceAll(r -> "" + MARK + tokens.indexOf(r.group()) + MARK_END);
    }

    /** Appends marked text as spans. */
    void unmark(String marked, boolean target, List<Span> out) {
        Matcher m = MARKED.matcher(marked);
        int at = 0;
        while (m.find()) {
            add(marked.substring(at, m.start()), false, target, out);
            add(tokens.get(Integer.parseInt(m.group(1))), true, target, out);
            at = m.end();
        }
        add(marked.substring(at), false, target, out);
    }

    private static void add(String text, boolean literal, boolean target, List<Span> out) {
        if (!text.isEmpty()) out.add(new Span(text, literal, target));
    }
}
