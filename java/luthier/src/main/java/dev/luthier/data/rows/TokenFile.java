package dev.luthier.data.rows;

import dev.luthier.data.DataException;
import dev.luthier.data.Example;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;

/**
 * Rows in a mapped file, so that data of any size takes little memory.
 *
 * <p>Layout, all numbers little-endian: the magic {@code LTOKENS1}; for each row its ids, then (only where labels are
 * something else than the ids and -100) its labels, else runs of learned tokens as pairs (first, length), then the
 * origin in UTF-8; an index of {@link #ENTRY} bytes a row; the report as JSON; a tail of {@link #TAIL} bytes: index
 * offset i64, rows i64, JSON length i64, magic.
 */
public final class TokenFile implements Examples {
    static final byte[] MAGIC = "LTOKENS1".getBytes(StandardCharsets.US_ASCII);
    /** Offset i64, tokens i32, targets i32, runs i32 (-1: labels in full), origin bytes i32. */
    static final int ENTRY = 24;
    static final int TAIL = 32;

    static final ValueLayout.OfInt I32 = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    static final ValueLayout.OfLong I64 = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final Path file;
    private final boolean deleteOnClose;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment bytes;
    private final long index;
    private final int rows;
    private final String report;

    /**
     * Maps a file that {@link TokenWriter} wrote.
     *
     * @throws DataException when it is not one, is cut, or its index points outside
     */
    public static TokenFile open(Path file) {
        return new TokenFile(file, false);
    }

    TokenFile(Path file, boolean deleteOnClose) {
        this.file = file;
        this.deleteOnClose = deleteOnClose;
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            long size = channel.size();
            bytes = channel.map(FileChannel.MapMode.READ_ONLY, 0, size, arena);
            require(size >= MAGIC.length + TAIL, "is too short");
            require(magicAt(0) && magicAt(size - MAGIC.length), "does not begin and end with the expected mark");
            index = bytes.get(I64, size - TAIL);
            long n = bytes.get(I64, size - TAIL + 8);
            long json = bytes.get(I64, size - TAIL + 16);
            require(index >= MAGIC.length && index <= size - TAIL && n >= 0 && n <= Integer.MAX_VALUE
                    && json >= 0 && json <= Integer.MAX_VALUE
                    && index + n * ENTRY + json == size - TAIL, "has an index that does not fit the file");
            rows = (int) n;
            byte[] text = bytes.asSlice(index + n * ENTRY, json).toArray(ValueLayout.JAVA_BYTE);
            report = new String(text, StandardCharsets.UTF_8);
            for (int i = 0; i < rows; i++) checkEntry(i);
        } catch (IOException e) {
            arena.close();
            throw DataException.of(file + " (encoded rows) cannot be read: " + e.getMessage(), e);
        } catch (RuntimeException e) {
            arena.close();
            throw e;
        }
    }

    private boolean magicAt(long offset) {
        return bytes.asSlice(offset, MAGIC.length).mismatch(MemorySegment.ofArray(MAGIC)) == -1;
    }

    private void checkEntry(int i) {
        long offset = entry(i, 0, I64);
        long tokens = length(i), runs = runs(i), origin = originBytes(i), targets = targets(i);
        long need = tokens * 4 + (runs < 0 ? tokens * 4 : runs * 8) + origin;
        require(offset >= MAGIC.length && tokens >= 0 && runs >= -1 && origin >= 0 && targets >= 0
                && targets <= tokens && offset <= index && need <= index - offset, "has a damaged index");
    }

    private void require(boolean condition, String what) {
        if (!condition) throw DataException.of(file + " (encoded rows) " + what + "; delete it and encode again");
    }

    private long entry(int i, int field, ValueLayout.OfLong layout) {
        return bytes.get(layout, index + (long) i * ENTRY + field);
    }

    private int entry(int i, int field) {
        return bytes.get(I32, index + (long) i * ENTRY + field);
    }

    private int runs(int i) {
        return entry(i, 16);
    }

    private int originBytes(int i) {
        return entry(i, 20);
    }

    /** What {@link TokenWriter#finish} stored beside the rows. */
    String report() {
        return report;
    }

    @Override
    public int size() {
        return rows;
    }

    @Override
    public int length(int i) {
        return entry(check(i), 8);
    }

    @Override
    public int targets(int i) {
        return entry(check(i), 12);
    }

    private int check(int i) {
        if (i < 0 || i >= rows) throw new IndexOutOfBoundsException("row " + i + " of " + rows);
        return i;
    }

    @Override
    public Example get(int i) {
        int n = length(i), runs = runs(i);
        long at = entry(i, 0, I64);
        int[] ids = ints(at, n);
        at += n * 4L;
        int[] labels;
        if (runs < 0) {
            labels = ints(at, n);
            at += n * 4L;
        } else {
            int[] pairs = ints(at, runs * 2);
            at += runs * 8L;
            labels = new int[n];
            Arrays.fill(labels, Example.IGNORE);
            for (int r = 0; r < runs; r++) {
                int from = pairs[2 * r], count = pairs[2 * r + 1];
                require(from >= 0 && count >= 0 && from <= n - count, "has a damaged row " + i);
                System.arraycopy(ids, from, labels, from, count);
            }
        }
        byte[] origin = bytes.asSlice(at, originBytes(i)).toArray(ValueLayout.JAVA_BYTE);
        return new Example(ids, labels, new String(origin, StandardCharsets.UTF_8));
    }

    private int[] ints(long at, int n) {
        int[] a = new int[n];
        MemorySegment.copy(bytes, I32, at, a, 0, n);
        return a;
    }

    @Override
    public String fingerprint() {
        Fingerprint f = new Fingerprint();
        for (int i = 0; i < rows; i++) f.add(get(i));
        return f.hex();
    }

    @Override
    public void close() {
        if (!arena.scope().isAlive()) return;
        arena.close();
        if (!deleteOnClose) return;
        try {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            throw DataException.of(file + " (temporary encoded rows) cannot be deleted: " + e.getMessage(), e);
        }
    }
}
