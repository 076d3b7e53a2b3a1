package dev.luthier.tokenizer;

import dev.luthier.tokenizer.PieceStep.Behavior;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * The ways of cutting text that llama.cpp knows by name ({@code tokenizer.ggml.pre}), told by what they do: the expressions applied one
 * after the other, and whether a whole piece that is a token skips merging. The expressions are those of the models' own tokenizer.json.
 *
 * @param name         the name written to GGUF files
 * @param others       further names that mean the same when reading
 * @param expressions  the expressions, in order
 * @param ignoreMerges whether a piece that is a token is that token
 * @param composes     whether the models of this name normalize text to NFC, which GGUF files do not say
 * @param addsBegin    whether a begin token is added where a GGUF file does not say
 */
record GgmlPre(String name, Set<String> others, List<String> expressions, boolean ignoreMerges, boolean composes, boolean addsBegin) {
    private static final String CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
    private static final String WORD = "[^\\r\\n\\p{L}\\p{N}]?\\p{L}+";
    private static final String LINES_AND_SPACES = "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
    private static final String SYMBOLS = " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*";
    private static final String SYMBOLS_OR_SLASH = " ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*";
    private static final String UPPER = "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]";
    private static final String LOWER = "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]";
    private static final String BEFORE = "[^\\r\\n\\p{L}\\p{N}]?";

    private static final String LLAMA3 = join(CONTRACTIONS, WORD, "\\p{N}{1,3}", SYMBOLS, LINES_AND_SPACES);
    private static final String QWEN2 = join(CONTRACTIONS, WORD, "\\p{N}", SYMBOLS, LINES_AND_SPACES);
    private static final String QWEN35 = join(CONTRACTIONS, BEFORE + "[\\p{L}\\p{M}]+", "\\p{N}",
            " ?[^\\s\\p{L}\\p{M}\\p{N}]+[\\r\\n]*", LINES_AND_SPACES);
    private static final String TEKKEN = join(BEFORE + UPPER + "*" + LOWER + "+", BEFORE + UPPER + "+" + LOWER + "*", "\\p{N}",
            SYMBOLS_OR_SLASH, LINES_AND_SPACES);
    private static final String GPT4O = join(BEFORE + UPPER + "*" + LOWER + "+" + CONTRACTIONS + "?",
            BEFORE + UPPER + "+" + LOWER + "*" + CONTRACTIONS + "?", "\\p{N}{1,3}", SYMBOLS_OR_SLASH, LINES_AND_SPACES);
    /** The letters, marks and characters of DeepSeek-LLM's classes, as code points. */
    private static final String CASED = set("41-5A 61-7A B5 C0-D6 D8-F6 F8-1BA 1BC-1BF 1C4-293 295-2AF 370-373 376 377 37B-37D 37F 386 388-38A 38C 38E-3A1 "
            + "3A3-3F5 3F7-481 48A-52F 531-556 10A0-10C5 13A0-13F5 13F8-13FD 1C90-1CBA 1CBD-1CBF 1D00-1D2B 1D6B-1D77 "
            + "1D79-1D9A 1E00-1F15 1F18-1F1D 1F20-1F45 1F48-1F4D 1F50-1F57 1F59 1F5B 1F5D 1F5F-1F7D 1F80-1FB4 1FB6-1FBC 1FBE "
            + "1FC2-1FC4 1FC6-1FCC 1FD0-1FD3 1FD6-1FDB 1FE0-1FEC 1FF2-1FF4 1FF6-1FFC 2102 2107 210A-2113 2115 2119-211D 2124 "
            + "2126 2128 212A-212D 212F-2134 2139 213C-213F 2145-2149 214E 2183 2184 2C00-2C7B 2C7E-2CE4 2CEB-2CEE 2CF2 2CF3 "
            + "A640-A66D A680-A69B A722-A76F A771-A787 A78B-A78E AB70-ABBF FB00-FB06 FB13-FB17 FF21-FF3A FF41-FF5A "
            + "10400-1044F 104B0-104D3 104D8-104FB 10C80-10CB2 10CC0-10CF2 118A0-118DF 1E900-1E943");
    private static final String MARKS = set("21-2F 3A-7E FF01-FF0F FF1A-FF5E 2018-201F 3000-3002");
    private static final String IDEOGRAPHS = set("4E00-9FA5 800-4E00 AC00-D7FF");

    static final List<GgmlPre> ALL = List.of(
            new GgmlPre("llama-bpe", Set.of("llama3", "llama-v3"), List.of(LLAMA3), true, false, true),
            new GgmlPre("dbrx", Set.of("smaug-bpe"), List.of(LLAMA3), false, false, false),
            new GgmlPre("qwen2", Set.of("deepseek-r1-qwen"), List.of(QWEN2), false, true, false),
            new GgmlPre("qwen35", Set.of(), List.of(QWEN35), false, true, false),
            new GgmlPre("tekken", Set.of(), List.of(TEKKEN), true, false, true),
            new GgmlPre("gpt-4o", Set.of(), List.of(GPT4O), false, false, false),
            new GgmlPre("gpt-2", Set.of("phi-2", "olmo", "mpt", "jais"), List.of(PreTokenizers.GPT2), false, false, false),
            new GgmlPre("smollm", Set.of("starcoder", "refact", "command-r", "codeshell"), List.of(PreTokenizers.DIGIT, PreTokenizers.GPT2),
                    false, false, false),
            new GgmlPre("deepseek-llm", Set.of(), List.of("[\\r\\n]", "\\s?" + CASED + "+", "\\s?" + MARKS + "+", "\\s+$", IDEOGRAPHS + "+",
                    PreTokenizers.DIGIT), false, false, false));

    /** A class of code points and ranges. */
    private static String set(String hexadecimal) {
        return "[" + hexadecimal.replaceAll("[0-9A-F]+", "\\\\x{$0}").replace(" ", "") + "]";
    }

    private static String join(String... alternatives) {
        return String.join("|", alternatives);
    }

    /** What a name in a GGUF file means, or null. */
    static GgmlPre named(String name) {
        for (GgmlPre pre : ALL) if (pre.name.equals(name) || pre.others.contains(name)) return pre;
        return null;
    }

    /** The entry that cuts as a tokenizer does, or null. */
    static GgmlPre of(List<PieceStep> steps, boolean ignoreMerges) {
        List<String> expressions = new ArrayList<>();
        for (PieceStep step : steps) {
            if (!(step instanceof PieceStep.Split split) || split.behavior() != Behavior.ISOLATED || split.invert()) return null;
            expressions.add(split.pattern().pattern());
        }
        for (GgmlPre pre : ALL) {
            List<String> translated = pre.expressions.stream().map(OnigurumaRegex::translate).toList();
            if (translated.equals(expressions) && pre.ignoreMerges == ignoreMerges) return pre;
        }
        return null;
    }

    List<PieceStep> steps(String owner) {
        List<PieceStep> steps = new ArrayList<>();
        for (String expression : expressions) steps.add(PieceStep.Split.builtIn(expression, Behavior.ISOLATED, false, owner));
        return List.copyOf(steps);
    }
}
