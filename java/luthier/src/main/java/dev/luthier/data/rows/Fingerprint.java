package dev.luthier.data.rows;

import dev.luthier.data.Example;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** SHA-256 over rows: for each its length, ids and labels as big-endian 32-bit numbers. */
final class Fingerprint {
    private final MessageDigest digest;
    private ByteBuffer buffer = ByteBuffer.allocate(1 << 14);

    Fingerprint() {
        try {
            digest = MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }

    void add(Example e) {
        put(e.length());
        for (int id : e.ids()) put(id);
        for (int label : e.labels()) put(label);
    }

    private void put(int v) {
        if (buffer.remaining() < 4) flush();
        buffer.putInt(v);
    }

    private void flush() {
        digest.update(buffer.flip());
        buffer.clear();
    }

    String hex() {
        flush();
        return HexFormat.of().formatHex(digest.digest());
    }
}
