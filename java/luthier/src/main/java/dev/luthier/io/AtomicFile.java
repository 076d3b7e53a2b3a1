package dev.luthier.io;

import java.io.IOException;
import java.io.OutputStream;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A file that appears under its name whole or not at all: bytes go to a temporary file in the same
 * folder, {@link #commit} flushes them to the disk, renames, and flushes the folder. {@link #close}
 * without a commit removes the temporary file and leaves what was there before. A process that is
 * killed leaves its temporary file; the next writer of the same name removes it.
 *
 * <p>One thread at a time.
 */
public final class AtomicFile implements AutoCloseable {
    /** Larger writes go in pieces of this size, since NIO copies a heap buffer as a whole. */
    private static final int CHUNK = 4 << 20;
    private static final AtomicLong COUNTER = new AtomicLong();

    private final Path target;
    private final Path temporary;
    private final FileChannel channel;
    private final long expectedBytes;
    private long end;
    private boolean finished;

    private AtomicFile(Path target, Path temporary, FileChannel channel, long expectedBytes) {
        this.target = target;
        this.temporary = temporary;
        this.channel = channel;
        this.expectedBytes = expectedBytes;
    }

    /** Starts writing {@code target}, whose folder must exist. */
    public static AtomicFile create(Path target) throws IOException {
        return create(target, 0);
    }

    /**
     * Starts writing {@code target}, of which about {@code expectedBytes} are known to come.
     *
     * @throws DiskSpaceException where the disk has less than that left
     */
    public static AtomicFile create(Path target, long expectedBytes) throws IOException {
        Path absolute = target.toAbsolutePath();
        Path folder = absolute.getParent();
        if (folder == null || !Files.isDirectory(folder)) {
            throw new NoSuchFileException(target.toString(), null, "its folder does not exist; create the folder first.");
        }
        if (Files.isDirectory(absolute)) {
            throw new FileSystemException(target.toString(), null, "is a folder; give the name of a file.");
        }
        removeAbandoned(absolute);
        requireSpace(absolute, expectedBytes);
        Path temporary = absolute.resolveSibling("." + absolute.getFileName() + "."
                + ProcessHandle.current().pid() + "-" + COUNTER.incrementAndGet() + ".partial");
        FileChannel channel = FileChannel.open(temporary, StandardOpenOption.WRITE, StandardOpenOption.CREATE,
                StandardOpenOption.TRUNCATE_EXISTING);
        return new AtomicFile(absolute, temporary, channel, expectedBytes);
    }

    /**
     * Checks that the disk has room.
     *
     * @param target an existing folder, or a file, new or not, in one
     * @throws DiskSpaceException where it has not
     */
    public static void requireSpace(Path target, long bytes) throws IOException {
        Path folder = Files.isDirectory(target) ? target : target.toAbsolutePath().getParent();
        long free = Files.getFileStore(folder).getUsableSpace();
        if (bytes > free) {
            throw new DiskSpaceException(target, bytes, free, null);
        }
    }

    /** Removes temporary files of this target whose process no longer runs. */
    private static void removeAbandoned(Path target) throws IOException {
        Pattern name = Pattern.compile(Pattern.quote("." + target.getFileName() + ".") + "(\\d{1,18})-\\d+\\.partial");
        try (DirectoryStream<Path> siblings = Files.newDirectoryStream(target.getParent(), ".*.partial")) {
            for (Path p : siblings) {
                Matcher m = name.matcher(p.getFileName().toString());
                if (m.matches() && ProcessHandle.of(Long.parseLong(m.group(1))).isEmpty()) {
                    Files.deleteIfExists(p);
                }
            }
        }
    }

    /** The name the file will have. */
    public Path target() {
        return target;
    }

    /** Bytes so far: the end of the furthest write. */
    public long size() {
        return end;
    }

    /** Appends the remaining bytes of the buffer. */
    public void write(ByteBuffer bytes) throws IOException {
        write(end, bytes);
    }

    /** Appends all bytes of the segment. */
    public void write(MemorySegment bytes) throws IOException {
        write(end, bytes);
    }

    /** Writes all bytes of the segment at {@code position}; what lies between is zero. */
    public void write(long position, MemorySegment bytes) throws IOException {
        MemorySegment copy = bytes.isNative() ? null
                : MemorySegment.ofArray(new byte[(int) Math.min(CHUNK, bytes.byteSize())]);
        for (long done = 0; done < bytes.byteSize(); ) {
            long n = Math.min(CHUNK, bytes.byteSize() - done);
            MemorySegment piece = bytes.asSlice(done, n);
            // Only native memory and byte arrays have a view as ByteBuffer.
            write(position + done, (copy == null ? piece : copy.asSlice(0, n).copyFrom(piece)).asByteBuffer());
            done += n;
        }
    }

    private void write(long position, ByteBuffer bytes) throws IOException {
        try {
            int limit = bytes.limit();
            long at = position;
            while (bytes.position() < limit) {
                bytes.limit(bytes.position() + Math.min(CHUNK, limit - bytes.position()));
                at += channel.write(bytes, at);
                bytes.limit(limit);
            }
            end = Math.max(end, at);
        } catch (IOException e) {
            throw explained(e, Math.max(expectedBytes, position + bytes.capacity()));
        }
    }

    /** A stream that appends; closing it neither commits nor closes the file. */
    public OutputStream stream() {
        return new OutputStream() {
            @Override
            public void write(int b) throws IOException {
                write(new byte[] {(byte) b}, 0, 1);
            }

            @Override
            public void write(byte[] b, int off, int len) throws IOException {
                AtomicFile.this.write(ByteBuffer.wrap(b, off, len));
            }
        };
    }

    /** Flushes, renames to the target (replacing a file there), and flushes the folder. */
    public void commit() throws IOException {
        if (finished) {
            throw new IllegalStateException(target + " is committed or closed already");
        }
        try {
            channel.force(true);
            channel.close();
            Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException e) {
            close();
            throw explained(e, Math.max(expectedBytes, end));
        }
        finished = true;
        syncFolder(target.getParent());
    }

    /** Without a commit before it, drops everything written. */
    @Override
    public void close() throws IOException {
        if (!finished) {
            finished = true;
            try {
                channel.close();
            } finally {
                Files.deleteIfExists(temporary);
            }
        }
    }

    private IOException explained(IOException e, long needed) {
        String message = String.valueOf(e.getMessage()).toLowerCase(Locale.ROOT);
        if (!message.contains("no space left") && !message.contains("quota exceeded")) {
            return e;
        }
        long free = 0;
        try {
            free = Files.getFileStore(target.getParent()).getUsableSpace();
        } catch (IOException unknown) {
            e.addSuppressed(unknown);
        }
        return new DiskSpaceException(target, needed, free, e);
    }

    /** Writes a whole file. */
    public static void writeBytes(Path target, byte[] bytes) throws IOException {
        try (AtomicFile file = create(target, bytes.length)) {
            file.write(ByteBuffer.wrap(bytes));
            file.commit();
        }
    }

    /** Writes a whole file in UTF-8. */
    public static void writeString(Path target, String text) throws IOException {
        writeBytes(target, text.getBytes(StandardCharsets.UTF_8));
    }

    /** Makes renames, creations and deletions in a folder durable. */
    public static void syncFolder(Path folder) throws IOException {
        try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
            channel.force(true);
        }
    }
}
