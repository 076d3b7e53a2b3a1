package dev.luthier.tokenizer;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.SequencedSet;

/**
 * The tokens with a role; -1 where there is none.
 *
 * @param stops ids that end a generation: {@code eos} and what generation_config.json and config.json add
 * @param configBos the beginning token that only config.json or generation_config.json names, for GGUF files
 */
record SpecialIds(int bos, int eos, int pad, int unknown, SequencedSet<Integer> stops, int configBos) {
    static final int NONE = -1;

    /**
     * @param explicit whether files beside the tokenizer say which tokens these are, so that one they do not name is none
     */
    static SpecialIds of(TokenizerConfig config, Vocabulary vocabulary, int modelUnknown, PostProcessor around) {
        int bos = config.tokenId("bos_token", vocabulary);
        int eos = config.tokenId("eos_token", vocabulary);
        int pad = config.tokenId("pad_token", vocabulary);
        int unknown = config.tokenId("unk_token", vocabulary);
        List<Integer> configBos = config.modelIds("bos_token_id", vocabulary);
        List<Integer> configEos = config.modelIds("eos_token_id", vocabulary);
        if (!config.namesTokens()) {
            if (bos < 0) bos = first(configBos);
            if (bos < 0 && around.prefix().length > 0) bos = around.prefix()[0];
            if (eos < 0) eos = first(configEos);
            if (eos < 0 && around.suffix().length > 0) eos = around.suffix()[around.suffix().length - 1];
            if (pad < 0) pad = first(config.modelIds("pad_token_id", vocabulary));
        }
        SequencedSet<Integer> stops = new LinkedHashSet<>(new ArrayList<>(configEos));
        if (eos >= 0) stops.addFirst(eos);
        return new SpecialIds(bos, eos, pad, unknown >= 0 ? unknown : modelUnknown, stops, bos >= 0 ? bos : first(configBos));
    }

    private static int first(List<Integer> ids) {
        return ids.isEmpty() ? NONE : ids.getFirst();
    }
}
