package dev.luthier.tokenizer;

import java.util.Locale;
import java.util.Map;

/** The names in {@code \p{...}} and {@code [[:...:]]} of Oniguruma, as what java.util.regex puts inside a class. */
final class CharacterProperties {
    /** Oniguruma counts six Latin-1 numbers as word characters, and the joiners not. */
    static final String WORD = "\\p{IsAlphabetic}\\p{M}\\p{Nd}\\p{Pc}\\xb2\\xb3\\xb9\\xbc\\xbd\\xbe";
    private static final Map<String, String> PROPERTIES = Map.ofEntries(Map.entry("alpha", "\\p{IsAlphabetic}"),
            Map.entry("alphabetic", "\\p{IsAlphabetic}"), Map.entry("upper", "\\p{IsUppercase}"), Map.entry("lower", "\\p{IsLowercase}"),
            Map.entry("digit", "\\p{Nd}"), Map.entry("space", "\\s"), Map.entry("whitespace", "\\s"), Map.entry("word", WORD),
            Map.entry("alnum", "\\p{IsAlphabetic}\\p{Nd}"), Map.entry("punct", "\\p{P}"), Map.entry("cntrl", "\\p{Cc}"),
            Map.entry("xdigit", "0-9a-fA-F"), Map.entry("ideographic", "\\p{IsIdeographic}"), Map.entry("letter", "\\p{L}"),
            Map.entry("mark", "\\p{M}"), Map.entry("number", "\\p{N}"), Map.entry("punctuation", "\\p{P}"), Map.entry("symbol", "\\p{S}"),
            Map.entry("separator", "\\p{Z}"), Map.entry("other", "\\p{C}"), Map.entry("uppercaseletter", "\\p{Lu}"),
            Map.entry("lowercaseletter", "\\p{Ll}"), Map.entry("titlecaseletter", "\\p{Lt}"), Map.entry("modifierletter", "\\p{Lm}"),
            Map.entry("otherletter", "\\p{Lo}"), Map.entry("decimalnumber", "\\p{Nd}"));
    private static final String CATEGORIES = " C Cc Cf Cn Co Cs L Ll Lm Lo Lt Lu M Mc Me Mn N Nd Nl No P Pc Pd Pe Pf Pi Po Ps S Sc Sk Sm So Z Zl Zp Zs ";

    private CharacterProperties() {
    }

    /** The set of a name, whose case, spaces, hyphens and underscores do not count; null where it is not known. */
    static String set(String name) {
        String key = name.replaceAll("[ _-]", "").toLowerCase(Locale.ROOT);
        if (PROPERTIES.containsKey(key)) return PROPERTIES.get(key);
        String category = key.isEmpty() ? "" : key.substring(0, 1).toUpperCase(Locale.ROOT) + key.substring(1);
        if (!category.isEmpty() && CATEGORIES.contains(" " + category + " ")) return "\\p{" + category + "}";
        try {
            return "\\p{Is" + Character.UnicodeScript.forName(name.replace(' ', '_').replace('-', '_')).name() + "}";
        } catch (IllegalArgumentException e) {
            return null;
        }
    }
}
