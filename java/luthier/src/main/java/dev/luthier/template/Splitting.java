package dev.luthier.template;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** How {@code split} and {@code rsplit} cut. */
final class Splitting {
    private Splitting() { }

    /** Cuts at runs of blanks; blanks at the ends give no empty parts, but the uncut rest keeps its own. */
    static List<Object> blanks(String s, long most, boolean fromEnd) {
        return fromEnd ? blanksFromEnd(s, most) : blanksFromStart(s, most);
    }

    private static List<Object> blanksFromStart(String s, long most) {
        List<Object> parts = new ArrayList<>();
        String rest = Text.stripStart(s);
        int start = 0;
        while (start < rest.length()) {
            int end = start;
            while (end < rest.length() && (parts.size() >= most || !Text.isSpace(rest.codePointAt(end)))) {
                end += Character.charCount(rest.codePointAt(end));
            }
            parts.add(rest.substring(start, end));
            start = end;
            while (start < rest.length() && Text.isSpace(rest.codePointAt(start))) {
                start += Character.charCount(rest.codePointAt(start));
            }
        }
        return parts;
    }

    private static List<Object> blanksFromEnd(String s, long most) {
        List<Object> parts = new ArrayList<>();
        int end = Text.stripEnd(s).length();
        while (end > 0) {
            int start = end;
            while (start > 0 && (parts.size() >= most || !Text.isSpace(s.codePointBefore(start)))) {
                start -= Character.charCount(s.codePointBefore(start));
            }
            parts.add(s.substring(start, end));
            end = start;
            while (end > 0 && Text.isSpace(s.codePointBefore(end))) {
                end -= Character.charCount(s.codePointBefore(end));
            }
        }
        Collections.reverse(parts);
        return parts;
    }

    /** Cuts at every occurrence of a separator. */
    static List<Object> separator(String s, String separator, long most, boolean fromEnd) {
        List<Object> parts = new ArrayList<>();
        if (fromEnd) {
            int end = s.length();
            int at;
            while (parts.size() < most && (at = s.lastIndexOf(separator, end - separator.length())) >= 0
                    && end >= separator.length()) {
                parts.add(s.substring(at + separator.length(), end));
                end = at;
            }
            parts.add(s.substring(0, end));
            Collections.reverse(parts);
        } else {
            int start = 0;
            int at;
            while (parts.size() < most && (at = s.indexOf(separator, start)) >= 0) {
                parts.add(s.substring(start, at));
                start = at + separator.length();
            }
            parts.add(s.substring(start));
        }
        return parts;
    }
}
