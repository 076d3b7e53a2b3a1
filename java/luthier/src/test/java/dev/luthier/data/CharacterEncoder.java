package dev.luthier.data;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A tokenizer for tests, simple enough to check by eye: control tokens have ids from 1, and every character is the token
 * {@link #BASE} plus its code point.
 */
public final class CharacterEncoder implements TextEncoder {
    public static final int BASE = 1000;

    private final Map<String, Integer> control = new LinkedHashMap<>();
    private final Set<String> ends;
    private final String begin;

    /**
     * @param begin   text of the token before every text, or null
     * @param ends    texts of the tokens that end an answer; the first is the usual one
     * @param control texts of further control tokens
     */
    public CharacterEncoder(String begin, List<String> ends, String... control) {
        this.begin = begin;
        this.ends = Set.copyOf(ends);
        if (begin != null) id(begin);
        ends.forEach(this::id);
        for (String c : control) id(c);
        this.firstEnd = ends.getFirst();
    }

    private final String firstEnd;

    private void id(String token) {
        control.putIfAbsent(token, control.size() + 1);
    }

    /** No begin token, {@code <eos>} at the end. */
    public static CharacterEncoder plain() {
        return new CharacterEncoder(null, List.of("<eos>"));
    }

    @Override
    public int[] encode(String text, boolean parseSpecial, boolean continued) {
        List<Integer> ids = new ArrayList<>();
        for (int i = 0; i < text.length(); ) {
            String found = null;
            for (String c : control.keySet()) {
                if (parseSpecial && text.startsWith(c, i)) found = c;
            }
            if (found != null) {
                ids.add(control.get(found));
                i += found.length();
            } else {
                int c = text.codePointAt(i);
                ids.add(BASE + c);
                i += Character.charCount(c);
            }
        }
        return ids.stream().mapToInt(Integer::intValue).toArray();
    }

    @Override
    public String decode(int[] ids) {
        StringBuilder b = new StringBuilder();
        for (int id : ids) {
            if (id >= BASE) b.appendCodePoint(id - BASE);
            else control.forEach((t, i) -> b.append(i == id ? t : ""));
        }
        return b.toString();
    }

    @Override
    public int[] begin() {
        return begin == null ? new int[0] : new int[] {control.get(begin)};
    }

    @Override
    public int end() {
        return control.get(firstEnd);
    }

    @Override
    public boolean isEnd(int id) {
        return control.entrySet().stream().anyMatch(e -> e.getValue() == id && ends.contains(e.getKey()));
    }

    @Override
    public Set<String> controlTokens() {
        return control.keySet();
    }

    /** The row's text with what is learned between » and «. */
    public String show(Example e) {
        StringBuilder b = new StringBuilder();
        boolean in = false;
        for (int t = 0; t < e.length(); t++) {
            boolean learned = e.labels()[t] != Example.IGNORE;
            if (learned != in) b.append(learned ? '»' : '«');
            in = learned;
            b.append(decode(new int[] {e.ids()[t]}));
        }
        return b.append(in ? "«" : "").toString();
    }
}
