package dev.luthier.io;

import java.nio.file.Path;
import java.util.Objects;

/**
 * A file that breaks the rules of its format, or is not there. The message is one sentence on one
 * line: file, place, what was found, what was wanted, what to do. It quotes at most a short,
 * escaped piece of the file, so that it is safe to print.
 */
public final class FormatException extends RuntimeException {
    private static final long serialVersionUID = 1L;
    private static final int MAX_QUOTED = 100;

    private final transient Path file;
    private final String place;
    private final String found;
    private final String wanted;
    private final String remedy;

    /**
     * @param file   the file the error is about
     * @param place  where in it, such as {@code tensor 'x'} or {@code line 17}; empty for the whole file
     * @param found  what is there
     * @param wanted what the format asks for; empty where {@code found} says all
     * @param remedy what the user can do
     */
    public FormatException(Path file, String place, String found, String wanted, String remedy) {
        super(sentence(file, place, found, wanted, remedy));
        this.file = Objects.requireNonNull(file);
        this.place = place;
        this.found = found;
        this.wanted = wanted;
        this.remedy = remedy;
    }

    /** The same error with the exception that led to it. */
    public FormatException(Path file, String place, String found, String wanted, String remedy, Throwable cause) {
        this(file, place, found, wanted, remedy);
        initCause(cause);
    }

    private static String sentence(Path file, String place, String found, String wanted, String remedy) {
        StringBuilder s = new StringBuilder(escape(file.toString(), Integer.MAX_VALUE));
        if (!place.isEmpty()) {
            s.append(", ").append(place);
        }
        s.append(": found ").append(found);
        if (!wanted.isEmpty()) {
            s.append(", wanted ").append(wanted);
        }
        return s.append("; ").append(remedy).append('.').toString();
    }

    /** Text from a file, in quotes, cut to a short length, with control characters escaped. */
    public static String quote(String text) {
        return "'" + escape(text, MAX_QUOTED) + "'";
    }

    private static String escape(String text, int limit) {
        StringBuilder s = new StringBuilder();
        for (int i = 0; i < text.length(); i++) {
            if (i >= limit) {
                return s.append("...").toString();
            }
            char c = text.charAt(i);
            if (Character.isISOControl(c) || Character.isSurrogate(c) && !isPaired(text, i)
                    || c == '\u2028' || c == '\u2029') {
                s.append(String.format("\\u%04x", (int) c));
            } else {
                s.append(c);
            }
        }
        return s.toString();
    }

    private static boolean isPaired(String text, int i) {
        char c = text.charAt(i);
        return Character.isHighSurrogate(c)
                ? i + 1 < text.length() && Character.isLowSurrogate(text.charAt(i + 1))
                : i > 0 && Character.isHighSurrogate(text.charAt(i - 1));
    }

    public Path file() {
        return file;
    }

    public String place() {
        return place;
    }

    public String found() {
        return found;
    }

    public String wanted() {
        return wanted;
    }

    public String remedy() {
        return remedy;
    }
}
