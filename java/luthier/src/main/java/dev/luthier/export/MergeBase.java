package dev.luthier.export;

/** Which weights an adapter is merged into. */
public enum MergeBase {
    /** The checkpoint's own. */
    ORIGINAL,
    /** Those the adapter saw in 4-bit training: projections rounded to NF4 with double quantization and back. */
    NF4
}
