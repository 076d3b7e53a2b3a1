package dev.luthier.data.frame;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Keeps control tokens that stand in the user's text from becoming tokens. Text that runs through a chat template is
 * marked with noncharacters of Unicode (U+FDD0, U+FDD1), which no text contains by right, and unmarked behind it.
 */
final class ControlText {
    private static final char MARK = '\uFDD0';
    private static final char MARK_END = '\uFDD1';
    private static final Pattern MARKED = Pattern.compile(MARK + "(\\d{1,9})" + MARK_END);

    private final List<String> tokens;
    private final BitSet firsts = new BitSet();

    ControlText(Collection<String> controlTokens) {
        // The longest first, as the tokenizer would find them; the marks themselves are taken along.
        tokens = new ArrayList<>(controlTokens);
        tokens.removeIf(String::isEmpty);
        tokens.sort(Comparator.comparingInt(String::length).reversed().thenComparing(Comparator.naturalOrder()));
        tokens.add(String.valueOf(MARK));
        tokens.add(String.valueOf(MARK_END));
        for (String t : tokens) firsts.set(t.charAt(0));
    }

    /** The text with each control token replaced by a mark. */
    String mark(String text) {
        StringBuilder out = null;
        int from = 0;
        for (int i = 0; i < text.length(); i++) {
            if (!firsts.get(text.charAt(i))) continue;
            int token = tokenAt(text, i);
            if (token < 0) continue;
            if (out == null) out = new StringBuilder(text.length() + 16);
            out.append(text, from, i).append(MARK).append(token).append(MARK_END);
            from = i + tokens.get(token).length();
            i = from - 1;
        }
        return out == null ? text : out.append(text, from, text.length()).toString();
    }

    private int tokenAt(String text, int at) {
        for (int t = 0; t < tokens.size(); t++) {
            if (text.startsWith(tokens.get(t), at)) return t;
        }
        return -1;
    }

    /** Appends marked text as spans. */
    void unmark(String marked, boolean target, List<Span> out) {
        Matcher m = MARKED.matcher(marked);
        int at = 0;
        while (m.find()) {
            int token = Integer.parseInt(m.group(1));
            // A template can cut marked text anywhere: what is no mark of ours stays text.
            if (token >= tokens.size()) continue;
            add(marked.substring(at, m.start()), false, target, out);
            add(tokens.get(token), true, target, out);
            at = m.end();
        }
        add(marked.substring(at), false, target, out);
    }

    private static void add(String text, boolean literal, boolean target, List<Span> out) {
        if (!text.isEmpty()) out.add(new Span(text, literal, target));
    }
}
