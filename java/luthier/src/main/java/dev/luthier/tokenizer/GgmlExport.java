package dev.luthier.tokenizer;

import dev.luthier.tokenizer.PieceStep.Behavior;
import java.text.Normalizer.Form;
import java.util.AbstractList;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

/** A tokenizer as the vocabulary of a GGUF file; refuses what llama.cpp would cut differently. */
final class GgmlExport {
    private static final String SPACE = "\u2581";

    private final Parts parts;

    GgmlExport(Parts parts) {
        this.parts = parts;
    }

    private boolean byteLevel() {
        return parts.model() instanceof BpeModel bpe && bpe.options().byteLevel();
    }

    /** The name of the way text is cut. */
    String pre() {
        if (!(parts.model() instanceof BpeModel bpe)) throw error("Unigram");
        if (!byteLevel()) {
            checkSentencePiece(bpe);
            return "default";
        }
        for (Normalizer step : parts.normalizers())
            if (!(step instanceof Normalizer.Unicode unicode) || unicode.form() != Form.NFC) throw error("the normalizer " + name(step));
        GgmlPre pre = GgmlPre.of(parts.steps(), bpe.options().ignoreMerges());
        if (pre == null) throw error("a pre-tokenizer" + (bpe.options().ignoreMerges() ? " with ignore_merges" : "") + " that has no name in GGUF files");
        return pre.name().equals("qwen2") && addsBegin() ? "deepseek-r1-qwen" : pre.name();
    }

    private boolean addsBegin() {
        int[] prefix = parts.around().prefix();
        return prefix.length > 0 && prefix[0] == parts.special().bos();
    }

    /** SentencePiece in llama.cpp writes spaces as ▁, perhaps puts one before, and merges by scores; nothing else. */
    private void checkSentencePiece(BpeModel bpe) {
        if (!bpe.options().byteFallback()) throw error("a BPE that is neither byte-level nor falls back to bytes");
        if (bpe.options().ignoreMerges()) throw error("ignore_merges without byte-level BPE");
        boolean spaces = false;
        for (Normalizer step : parts.normalizers()) {
            boolean replaces = step instanceof Normalizer.Replace r && " ".equals(r.replacement().literal()) && r.replacement().content().equals(SPACE);
            boolean prepends = step instanceof Normalizer.Prepend p && p.prefix().equals(SPACE);
            if (!replaces && !prepends) throw error("the normalizer " + name(step));
            spaces |= replaces;
        }
        for (PieceStep step : parts.steps()) {
            boolean metaspace = step instanceof PieceStep.Metaspace m && m.replacement().equals(SPACE);
            boolean atSpaces = step instanceof PieceStep.Split split && !split.invert() && (
                    spaces && splitsAt(split, " ")
                            || splitsAt(split, SPACE) && split.behavior() == Behavior.MERGED_WITH_NEXT);
            if (!metaspace && !atSpaces) throw error("the pre-tokenizer " + name(step));
            spaces |= metaspace;
        }
        if (!spaces) throw error("a BPE that does not write spaces as " + SPACE);
    }

    private static boolean splitsAt(PieceStep.Split split, String text) {
        return split.pattern().pattern().equals(Pattern.quote(text));
    }

    private boolean addsSpace() {
        return parts.normalizers().stream().anyMatch(Normalizer.Prepend.class::isInstance)
                || parts.steps().stream().anyMatch(step -> step instanceof PieceStep.Metaspace m && m.prepend() != PieceStep.Prepend.NEVER);
    }

    GgmlVocabulary vocabulary(int size) {
        String pre = pre();
        Vocabulary vocabulary = parts.vocabulary();
        if (size < vocabulary.size()) throw new IllegalArgumentException("a vocabulary of " + vocabulary.size() + " tokens does not fit in " + size);
        List<String> tokens = new ArrayList<>(size);
        int[] types = new int[size];
        for (int id = 0; id < size; id++) {
            TokenKind kind = vocabulary.kind(id);
            String text = vocabulary.has(id) ? vocabulary.text(id) : "[PAD" + id + "]";
            tokens.add(kind == TokenKind.USER_DEFINED ? text.replace(SPACE, " ") : text);
            types[id] = kind.ggml();
        }
        SpecialIds special = parts.special();
        boolean gpt2 = byteLevel();
        return new GgmlVocabulary(gpt2 ? "gpt2" : "llama", pre, List.copyOf(tokens), types, gpt2 ? mergeLines() : null, gpt2 ? null : scores(size),
                special.configBos(), special.eos(), special.unknown(), special.pad(), addsBegin(), parts.addsEnd(), parts.addsMiddle(),
                gpt2 || addsSpace() ? null : Boolean.FALSE);
    }

    private List<String> mergeLines() {
        Merges merges = parts.merges();
        Vocabulary vocabulary = parts.vocabulary();
        return new AbstractList<>() {
            @Override
            public String get(int rank) {
                return vocabulary.text(merges.left()[rank]) + " " + vocabulary.text(merges.right()[rank]);
            }

            @Override
            public int size() {
                return merges.left().length;
            }
        };
    }

    /**
     * The scores of the file where it has them. Else a token's score is minus the rank of its first merge, so that the best score merges
     * first, as in SentencePiece's own models; tokens that no merge makes come after all others.
     */
    private float[] scores(int size) {
        float[] scores = new float[size];
        if (parts.scores() != null) {
            System.arraycopy(parts.scores(), 0, scores, 0, parts.scores().length);
            return scores;
        }
        Merges merges = parts.merges();
        for (int id = 0; id < size; id++)
            scores[id] = parts.vocabulary().kind(id) == TokenKind.NORMAL ? -merges.left().length - id : 0;
        for (int rank = merges.left().length - 1; rank >= 0; rank--)
            scores[(int) merges.table().get(merges.left()[rank], merges.right()[rank])] = -rank;
        return scores;
    }

    private static String name(Object step) {
        return step.getClass().getSimpleName();
    }

    private TokenizerException error(String found) {
        return new TokenizerException(parts.source(), "", "found " + found + ", which a GGUF file cannot say; keep this model as safetensors");
    }
}
