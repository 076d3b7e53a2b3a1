package dev.luthier.template;

import java.time.LocalDateTime;
import java.time.format.TextStyle;
import java.time.temporal.IsoFields;
import java.util.Locale;

/** C's {@code strftime} in the C locale, for {@code strftime_now}; {@code %z} and {@code %Z} give nothing. */
final class Strftime {
    private Strftime() { }

    static String format(String pattern, LocalDateTime t) {
        StringBuilder out = new StringBuilder();
        for (int i = 0; i < pattern.length(); i++) {
            char c = pattern.charAt(i);
            if (c != '%' || i + 1 == pattern.length()) {
                out.append(c);
                continue;
            }
            char flag = pattern.charAt(i + 1);
            boolean flagged = "-_0^#".indexOf(flag) >= 0 && i + 2 < pattern.length();
            int at = flagged ? i + 2 : i + 1;
            String field = field(pattern.charAt(at), t, flagged ? flag : 0);
            out.append(field == null ? pattern.substring(i, at + 1) : field);
            i = at;
        }
        return out.toString();
    }

    private static String field(char c, LocalDateTime t, char flag) {
        int hour12 = t.getHour() % 12 == 0 ? 12 : t.getHour() % 12;
        return switch (c) {
            case 'Y' -> number(t.getYear(), 1, '0', flag);
            case 'C' -> number(t.getYear() / 100, 2, '0', flag);
            case 'y' -> number(t.getYear() % 100, 2, '0', flag);
            case 'm' -> number(t.getMonthValue(), 2, '0', flag);
            case 'd' -> number(t.getDayOfMonth(), 2, '0', flag);
            case 'e' -> number(t.getDayOfMonth(), 2, ' ', flag);
            case 'H' -> number(t.getHour(), 2, '0', flag);
            case 'k' -> number(t.getHour(), 2, ' ', flag);
            case 'I' -> number(hour12, 2, '0', flag);
            case 'l' -> number(hour12, 2, ' ', flag);
            case 'M' -> number(t.getMinute(), 2, '0', flag);
            case 'S' -> number(t.getSecond(), 2, '0', flag);
            case 'f' -> String.format("%06d", t.getNano() / 1000);
            case 'j' -> number(t.getDayOfYear(), 3, '0', flag);
            case 'u' -> number(t.getDayOfWeek().getValue(), 1, '0', flag);
            case 'w' -> number(t.getDayOfWeek().getValue() % 7, 1, '0', flag);
            case 'U' -> number((t.getDayOfYear() + 6 - t.getDayOfWeek().getValue() % 7) / 7, 2, '0', flag);
            case 'W' -> number((t.getDayOfYear() + 7 - t.getDayOfWeek().getValue()) / 7, 2, '0', flag);
            case 'V' -> number(t.get(IsoFields.WEEK_OF_WEEK_BASED_YEAR), 2, '0', flag);
            case 'G' -> number(t.get(IsoFields.WEEK_BASED_YEAR), 1, '0', flag);
            case 'g' -> number(t.get(IsoFields.WEEK_BASED_YEAR) % 100, 2, '0', flag);
            case 'a' -> name(dayName(t).substring(0, 3), flag);
            case 'A' -> name(dayName(t), flag);
            case 'b', 'h' -> name(monthName(t).substring(0, 3), flag);
            case 'B' -> name(monthName(t), flag);
            case 'p' -> flag == '#' ? (t.getHour() < 12 ? "am" : "pm") : t.getHour() < 12 ? "AM" : "PM";
            case 'P' -> t.getHour() < 12 ? "am" : "pm";
            case 'c' -> format("%a %b %e %H:%M:%S %Y", t);
            case 'x', 'D' -> format("%m/%d/%y", t);
            case 'X', 'T' -> format("%H:%M:%S", t);
            case 'F' -> format("%Y-%m-%d", t);
            case 'R' -> format("%H:%M", t);
            case 'r' -> format("%I:%M:%S %p", t);
            case 's' -> String.valueOf(t.atZone(java.time.ZoneId.systemDefault()).toEpochSecond());
            case 'z', 'Z' -> "";
            case 'n' -> "\n";
            case 't' -> "\t";
            case '%' -> "%";
            default -> null;
        };
    }

    private static String number(int n, int width, char fill, char flag) {
        String digits = String.valueOf(n);
        char filler = switch (flag) {
            case '_' -> ' ';
            case '0' -> '0';
            default -> fill;
        };
        return flag == '-' ? digits : String.valueOf(filler).repeat(Math.max(0, width - digits.length())) + digits;
    }

    private static String dayName(LocalDateTime t) {
        return t.getDayOfWeek().getDisplayName(TextStyle.FULL, Locale.ENGLISH);
    }

    private static String monthName(LocalDateTime t) {
        return t.getMonth().getDisplayName(TextStyle.FULL, Locale.ENGLISH);
    }

    private static String name(String name, char flag) {
        return flag == '^' || flag == '#' ? name.toUpperCase(Locale.ROOT) : name;
    }
}
