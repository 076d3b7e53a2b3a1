package dev.luthier.tokenizer;

import java.util.List;

/**
 * What a tokenizer is made of, whichever file it came from.
 *
 * @param source      the file
 * @param raw         added tokens found in the raw text
 * @param normalized  added tokens found after normalization
 * @param steps       the pre-tokenizer, without a last step to bytes that the model does itself
 * @param merges      null for Unigram
 * @param scores      score by id, where the file has scores, else null
 * @param around      ids put around a text
 * @param addsEnd     whether the file says that an end token is added or not; null where it does not say
 * @param addsMiddle  the same for a token between the two texts of a pair
 */
record Parts(String source, Vocabulary vocabulary, AddedTokens raw, AddedTokens normalized, List<Normalizer> normalizers,
             List<PieceStep> steps, Model model, Merges merges, float[] scores, PostProcessor around, List<Decoder> decoders,
             SpecialIds special, Boolean addsEnd, Boolean addsMiddle) {

    /** The same without a prefix before the text. */
    Parts unprefixed() {
        List<Normalizer> plain = normalizers.stream().filter(n -> !(n instanceof Normalizer.Prepend)).toList();
        List<PieceStep> bare = steps.stream().map(s -> s instanceof PieceStep.Metaspace m ? new PieceStep.Metaspace(m.replacement(), PieceStep.Prepend.NEVER) : s).toList();
        return new Parts(source, vocabulary, raw, normalized, plain, bare, model, merges, scores, around, decoders, special, addsEnd, addsMiddle);
    }
}
