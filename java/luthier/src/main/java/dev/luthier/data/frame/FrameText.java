package dev.luthier.data.frame;

import dev.luthier.data.DataException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * The little language of frames: {@code {question}} is a place, {@code {#input}...{/input}} stands only where the
 * record has an input, {@code {^input}...{/input}} only where it has none; <code>{{</code> and <code>}}</code> are
 * braces. Any other brace is plain text unless a single word stands in it, which is taken for a misspelt place.
 */
final class FrameText {
    /** The places of a frame. */
    enum Slot {
        SYSTEM, QUESTION, INPUT, THINKING, ANSWER;

        boolean isTarget() {
            return this == THINKING || this == ANSWER;
        }

        String label() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    sealed interface Part {}

    record Literal(String text) implements Part {}

    record Place(Slot slot) implements Part {}

    /** Parts that stand only where a slot is filled, or only where it is empty. */
    record Section(Slot slot, boolean whenEmpty, List<Part> parts) implements Part {}

    private static final Pattern TAG = Pattern.compile("\\{\\{|}}|\\{([#^/]?)([\\p{L}_]\\w*)}",
            Pattern.UNICODE_CHARACTER_CLASS);

    private final String source;
    private final Matcher tags;
    private final String name;
    private int at;

    private FrameText(String source, String name) {
        this.source = source;
        this.name = name;
        this.tags = TAG.matcher(source);
    }

    /** @throws DataException naming the frame and what is wrong in it */
    static List<Part> parse(String source, String name) {
        FrameText t = new FrameText(source, name);
        return t.parts(null);
    }

    private List<Part> parts(Slot open) {
        List<Part> parts = new ArrayList<>();
        StringBuilder text = new StringBuilder();
        while (tags.find(at)) {
            text.append(source, at, tags.start());
            at = tags.end();
            if (tags.group().equals("{{") || tags.group().equals("}}")) {
                text.append(tags.group().charAt(0));
                continue;
            }
            flush(text, parts);
            String kind = tags.group(1);
            Slot slot = slot(tags.group(2));
            switch (kind) {
                case "" -> parts.add(new Place(slot));
                case "/" -> {
                    if (slot != open) throw bad("{/" + slot.label() + "} closes nothing that is open");
                    return parts;
                }
                default -> {
                    if (open != null) throw bad("{" + kind + slot.label() + "} stands inside {" + "#" + open.label()
                            + "}; sections do not nest");
                    parts.add(new Section(slot, kind.equals("^"), parts(slot)));
                }
            }
        }
        if (open != null) throw bad("{#" + open.label() + "} is never closed");
        text.append(source, at, source.length());
        flush(text, parts);
        return parts;
    }

    private static void flush(StringBuilder text, List<Part> parts) {
        if (!text.isEmpty()) parts.add(new Literal(text.toString()));
        text.setLength(0);
    }

    private Slot slot(String word) {
        for (Slot s : Slot.values()) {
            if (s.label().equals(word)) return s;
        }
        throw bad("{" + word + "} is not a place; places are " + Arrays.stream(Slot.values())
                .map(s -> "{" + s.label() + "}").collect(Collectors.joining(", "))
                + " (write {{" + word + "}} for the text itself)");
    }

    private DataException bad(String what) {
        int line = 1 + (int) source.substring(0, Math.min(at, source.length())).chars().filter(c -> c == '\n').count();
        return DataException.of("frame " + name + " line " + line + ": " + what);
    }

    /** True when any place among the parts, sections included, passes the test. */
    static boolean any(List<Part> parts, Predicate<Slot> test) {
        for (Part p : parts) {
            boolean yes = switch (p) {
                case Literal l -> false;
                case Place place -> test.test(place.slot());
                case Section s -> any(s.parts(), test);
            };
            if (yes) return true;
        }
        return false;
    }
}
