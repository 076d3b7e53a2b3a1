package dev.luthier.tokenizer;

import dev.luthier.tokenizer.PieceStep.Behavior;
import dev.luthier.tokenizer.PieceStep.Split;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;

/** Reads {@code pre_tokenizer} as a list of steps. */
final class PreTokenizers {
    /** The expression built into ByteLevel. Source: GPT-2's published encoder. */
    static final String GPT2 = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";
    static final String DIGIT = "\\p{N}";
    private static final String PUNCTUATION = "[\\p{P}!-/:-@\\[-`{-~]";
    /** In the dialect of Rust's regex crate, whose classes are java.util.regex's. */
    private static final String WORDS = "\\w+|[^\\w\\s]+";
    private static final int MAX_STEPS = 64;

    private PreTokenizers() {
    }

    static List<PieceStep> of(Field field) {
        List<PieceStep> steps = new ArrayList<>();
        if (field.present()) read(field, steps);
        return List.copyOf(steps);
    }

    private static void read(Field field, List<PieceStep> steps) {
        if (steps.size() >= MAX_STEPS) throw field.problem("found more than " + MAX_STEPS + " steps, wanted fewer");
        String owner = field.source();
        String type = field.type();
        switch (type) {
            case "Split" -> {
                field.only("type", "pattern", "behavior", "invert");
                Behavior behavior = behavior(field.at("behavior"));
                boolean invert = field.at("invert").flag();
                String literal = Replacement.literalOf(field.at("pattern"));
                steps.add(literal != null ? Split.literal(literal, behavior, invert, owner)
                        : new Split(Replacement.patternOf(field.at("pattern")), behavior, invert, owner));
            }
            case "ByteLevel" -> {
                field.only("type", "add_prefix_space", "trim_offsets", "use_regex");
                if (field.at("add_prefix_space").flag()) steps.add(new PieceStep.PrefixSpace());
                if (field.at("use_regex").flag(true)) steps.add(Split.builtIn(GPT2, Behavior.ISOLATED, false, owner));
                steps.add(new PieceStep.Bytes());
            }
            case "Metaspace" -> metaspace(field, steps);
            case "Digits" -> {
                field.only("type", "individual_digits");
                Behavior behavior = field.at("individual_digits").flag() ? Behavior.ISOLATED : Behavior.CONTIGUOUS;
                steps.add(Split.builtIn(DIGIT, behavior, false, owner));
            }
            case "Punctuation" -> {
                field.only("type", "behavior");
                Behavior behavior = field.at("behavior").present() ? behavior(field.at("behavior")) : Behavior.ISOLATED;
                steps.add(Split.builtIn(PUNCTUATION, behavior, false, owner));
            }
            case "Whitespace" -> {
                field.only("type");
                steps.add(new Split(Pattern.compile(WORDS, Pattern.UNICODE_CHARACTER_CLASS), Behavior.REMOVED, true, owner));
            }
            case "WhitespaceSplit" -> {
                field.only("type");
                steps.add(Split.builtIn("\\s", Behavior.REMOVED, false, owner));
            }
            case "Sequence" -> {
                field.only("type", "pretokenizers");
                for (Field item : field.at("pretokenizers").items()) read(item, steps);
            }
            default -> throw field.at("type").unsupported(type,
                    "Split, ByteLevel, Metaspace, Digits, Punctuation, Whitespace, WhitespaceSplit, Sequence");
        }
    }

    private static void metaspace(Field field, List<PieceStep> steps) {
        Metaspace metaspace = Metaspace.of(field);
        steps.add(new PieceStep.Metaspace(metaspace.replacement, metaspace.prepend));
        if (metaspace.split) steps.add(Split.literal(metaspace.replacement, Behavior.MERGED_WITH_NEXT, false, field.source()));
    }

    /** The fields of Metaspace, as pre-tokenizer and as decoder, in the newer and the older spelling. */
    record Metaspace(String replacement, PieceStep.Prepend prepend, boolean split) {
        static Metaspace of(Field field) {
            field.only("type", "replacement", "prepend_scheme", "split", "add_prefix_space", "str_rep");
            Field scheme = field.at("prepend_scheme");
            PieceStep.Prepend prepend = !scheme.present() ? PieceStep.Prepend.ALWAYS : switch (scheme.text()) {
                case "always" -> PieceStep.Prepend.ALWAYS;
                case "first" -> PieceStep.Prepend.FIRST;
                case "never" -> PieceStep.Prepend.NEVER;
                default -> throw scheme.wanted("always, first or never");
            };
            if (!field.at("add_prefix_space").flag(true)) {
                if (scheme.present() && prepend != PieceStep.Prepend.NEVER)
                    throw scheme.wanted("\"never\", as add_prefix_space is false");
                prepend = PieceStep.Prepend.NEVER;
            }
            return new Metaspace(Character.toString(field.at("replacement").character()), prepend, field.at("split").flag(true));
        }
    }

    private static Behavior behavior(Field field) {
        for (Behavior behavior : Behavior.values()) {
            StringBuilder name = new StringBuilder(); // REMOVED is spelt Removed, MERGED_WITH_NEXT MergedWithNext
            for (String word : behavior.name().split("_")) name.append(word.charAt(0)).append(word.substring(1).toLowerCase(Locale.ROOT));
            if (name.toString().equals(field.text())) return behavior;
        }
        throw field.wanted("Removed, Isolated, MergedWithPrevious, MergedWithNext or Contiguous");
    }
}
