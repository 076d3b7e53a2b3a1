package dev.luthier.data.rows;

import dev.luthier.data.DataException;
import dev.luthier.data.Example;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;

/** Writes a {@link TokenFile}: to a temporary file that takes its name only when it is whole. */
final class TokenWriter implements AutoCloseable {
    private final Path target;
    private final Path temporary;
    private final FileChannel channel;
    private ByteBuffer out = ByteBuffer.allocate(1 << 18).order(ByteOrder.LITTLE_ENDIAN);
    private byte[] index = new byte[TokenFile.ENTRY * 1024];
    private int rows;
    private long written;
    private boolean done;

    TokenWriter(Path target) {
        this.target = target;
        this.temporary = target.resolveSibling(target.getFileName() + ".part" + ProcessHandle.current().pid());
        try {
            if (target.getParent() != null) Files.createDirectories(target.getParent());
            channel = FileChannel.open(temporary, StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING,
                    StandardOpenOption.WRITE);
        } catch (IOException e) {
            throw failed(e);
        }
        bytes(TokenFile.MAGIC);
    }

    void add(Example e) {
        if (rows == Integer.MAX_VALUE / TokenFile.ENTRY) {
            throw DataException.of("the data has more than " + rows + " rows, which is more than one run can index;"
                    + " use --split to take a part");
        }
        long offset = written;
        byte[] origin = e.origin().getBytes(StandardCharsets.UTF_8);
        for (int id : e.ids()) integer(id);
        int[] runs = runs(e);
        if (runs == null) {
            for (int label : e.labels()) integer(label);
        } else {
            for (int r : runs) integer(r);
        }
        bytes(origin);
        int at = rows * TokenFile.ENTRY;
        if (at + TokenFile.ENTRY > index.length) {
            index = Arrays.copyOf(index, (int) Math.min(index.length * 2L, Integer.MAX_VALUE - 16));
        }
        ByteBuffer.wrap(index, at, TokenFile.ENTRY).order(ByteOrder.LITTLE_ENDIAN)
                .putLong(offset).putInt(e.length()).putInt(e.targets())
                .putInt(runs == null ? -1 : runs.length / 2).putInt(origin.length);
        rows++;
    }

    /** Runs of labels that equal their ids, or null when some label is neither its id nor ignored. */
    private static int[] runs(Example e) {
        int[] runs = new int[4];
        int n = 0;
        int[] ids = e.ids(), labels = e.labels();
        for (int t = 0; t < ids.length; ) {
            if (labels[t] == Example.IGNORE) {
                t++;
                continue;
            }
            int from = t;
            while (t < ids.length && labels[t] == ids[t]) t++;
            if (t == from) return null;
            if (n + 2 > runs.length) runs = Arrays.copyOf(runs, n * 2);
            runs[n++] = from;
            runs[n++] = t - from;
        }
        return Arrays.copyOf(runs, n);
    }

    /** Completes the file and maps it. */
    TokenFile finish(String report, boolean temporaryUse) {
        long indexAt = written;
        byte[] json = report.getBytes(StandardCharsets.UTF_8);
        bytes(index, rows * TokenFile.ENTRY);
        bytes(json);
        ByteBuffer tail = ByteBuffer.allocate(TokenFile.TAIL).order(ByteOrder.LITTLE_ENDIAN)
                .putLong(indexAt).putLong(rows).putLong(json.length).put(TokenFile.MAGIC);
        bytes(tail.array());
        flush();
        try {
            if (!temporaryUse) channel.force(true);
            channel.close();
            Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException e) {
            throw failed(e);
        }
        done = true;
        return new TokenFile(target, temporaryUse);
    }

    private void integer(int v) {
        if (out.remaining() < 4) flush();
        out.putInt(v);
        written += 4;
    }

    private void bytes(byte[] b) {
        bytes(b, b.length);
    }

    private void bytes(byte[] b, int length) {
        for (int at = 0; at < length; ) {
            if (!out.hasRemaining()) flush();
            int n = Math.min(out.remaining(), length - at);
            out.put(b, at, n);
            at += n;
        }
        written += length;
    }

    private void flush() {
        out.flip();
        try {
            while (out.hasRemaining()) channel.write(out);
        } catch (IOException e) {
            throw failed(e);
        }
        out.clear();
    }

    private DataException failed(IOException e) {
        return DataException.of(target + " (encoded rows) cannot be written: " + e.getMessage()
                + "; is the disk full? Choose another folder or free some space", e);
    }

    /** Leaves nothing behind when the file was not finished. */
    @Override
    public void close() {
        if (done) return;
        try {
            channel.close();
            Files.deleteIfExists(temporary);
        } catch (IOException e) {
            // The error that led here matters more than a leftover temporary file.
        }
    }
}
