package dev.luthier.data.batch;

/** A place in the data: epoch and optimizer step within it, both from 0. It is all that a checkpoint stores. */
public record Cursor(int epoch, int step) {
    public static final Cursor START = new Cursor(0, 0);

    public Cursor {
        if (epoch < 0 || step < 0) throw new IllegalArgumentException("epoch " + epoch + ", step " + step);
    }
}
