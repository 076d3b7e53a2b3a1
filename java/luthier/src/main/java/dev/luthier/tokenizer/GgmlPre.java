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
    /** The cased letters DeepSeek-LLM joins into words. */
    private static final String CASED = "[A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-ჅᎠ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-Ჿᴀ-ᴫᵫ-ᵷᵹ-ᶚḀ-ἕἘ-Ἕἠ-ὅὈ-Ὅὐ-ὗὙὛὝὟ-ώᾀ-ᾴᾶ-ᾼι"
            + "ῂ-ῄῆ-ῌῐ-ΐῖ-Ίῠ-Ῥῲ-ῴῶ-ῼℂℇℊ-ℓℕℙ-ℝℤΩℨK-ℭℯ-ℴℹℼ-ℿⅅ-ⅉⅎↃↄⰀ-ⱻⱾ-ⳤⳫ-ⳮⳲⳳꙀ-ꙭꚀ-ꚛꜢ-ꝯꝱ-ꞇꞋ-ꞎꭰ-ꮿﬀ-ﬆﬓ-ﬗＡ-Ｚａ-ｚ𐐀-𐑏𐒰-𐓓𐓘-𐓻𐲀-𐲲𐳀-𐳲𑢠-𑣟𞤀-𞥃]";

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
            new GgmlPre("deepseek-llm", Set.of(), List.of("[\r\n]", "\\s?" + CASED + "+", "\\s?[!-/:-~！-／：-～‘-‟　-。]+", "\\s+$",
                    "[一-龥ࠀ-一가-퟿]+", PreTokenizers.DIGIT), false, false, false));

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
            expressions.add(split.regex());
        }
        for (GgmlPre pre : ALL) if (pre.expressions.equals(expressions) && pre.ignoreMerges == ignoreMerges) return pre;
        return null;
    }

    List<PieceStep> steps(String owner) {
        List<PieceStep> steps = new ArrayList<>();
        for (String expression : expressions) steps.add(PieceStep.Split.builtIn(expression, Behavior.ISOLATED, false, owner));
        return List.copyOf(steps);
    }
}
