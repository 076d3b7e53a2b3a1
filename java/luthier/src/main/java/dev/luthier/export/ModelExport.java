package dev.luthier.export;

import java.nio.file.Path;
import java.util.Objects;

/**
 * What is exported.
 *
 * @param model     folder of the Hugging Face checkpoint
 * @param adapter   folder of the PEFT adapter to merge, or null
 * @param base      what the adapter is merged into
 * @param name      the model's name in the file, or null: from its card or folder
 * @param baseModel id of the model that this one was tuned from, or null: as the card says
 */
public record ModelExport(Path model, Path adapter, MergeBase base, String name, String baseModel) {
    public ModelExport {
        Objects.requireNonNull(model);
        Objects.requireNonNull(base);
    }

    public static ModelExport of(Path model, Path adapter) {
        return new ModelExport(model, adapter, MergeBase.ORIGINAL, null, null);
    }
}
