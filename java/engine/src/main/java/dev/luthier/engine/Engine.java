package dev.luthier.engine;

import static dev.luthier.binding.luthier_h.lt_abi_version;
import static dev.luthier.binding.luthier_h.lt_alloc;
import static dev.luthier.binding.luthier_h.lt_backend_probe;
import static dev.luthier.binding.luthier_h.lt_copy;
import static dev.luthier.binding.luthier_h.lt_download;
import static dev.luthier.binding.luthier_h.lt_engine_create;
import static dev.luthier.binding.luthier_h.lt_engine_destroy;
import static dev.luthier.binding.luthier_h.lt_engine_device;
import static dev.luthier.binding.luthier_h.lt_free;
import static dev.luthier.binding.luthier_h.lt_last_error;
import static dev.luthier.binding.luthier_h.lt_register;
import static dev.luthier.binding.luthier_h.lt_set_workspace;
import static dev.luthier.binding.luthier_h.lt_synchronize;
import static dev.luthier.binding.luthier_h.lt_upload;
import static dev.luthier.binding.luthier_h.lt_workspace_bytes;
import static dev.luthier.binding.luthier_h.lt_zero;

import dev.luthier.binding.lt_device_info;
import dev.luthier.binding.lt_engine_config;
import dev.luthier.binding.lt_limits;
import dev.luthier.binding.luthier_h;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Optional;

/**
 * One backend on one device: its memory, its threads or stream. Owns everything allocated from it; after {@link #close()} every call is an
 * {@link IllegalStateException}. One thread at a time may call into an engine; several engines may live in one process.
 */
public final class Engine implements AutoCloseable {
    private final EngineConfig config;
    private final DeviceInfo device;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment pointer = arena.allocate(ValueLayout.JAVA_LONG);
    private MemorySegment handle;
    private long workspace;
    private long workspaceBytes;

    private Engine(EngineConfig config) {
        this.config = config;
        try (Arena scratch = Arena.ofConfined()) {
            MemorySegment out = scratch.allocate(ValueLayout.ADDRESS);
            check(lt_engine_create(out, nativeConfig(config, scratch)));
            handle = out.get(ValueLayout.ADDRESS, 0);
            MemorySegment info = lt_device_info.allocate(scratch);
            check(lt_engine_device(handle, info));
            device = new DeviceInfo(lt_device_info.name(info).getString(0), lt_device_info.features(info).getString(0),
                    lt_device_info.matmul(info).getString(0), lt_device_info.memory_total(info), lt_device_info.memory_free(info),
                    lt_device_info.threads(info), lt_device_info.capability(info));
        }
    }

    /** Starts an engine, or says why it cannot ({@link Status#UNAVAILABLE}); never falls back to another backend. */
    public static Engine open(EngineConfig config) {
        loadLibrary();
        return new Engine(config);
    }

    /** Empty when this engine can start here, else the reason why not. */
    public static Optional<String> whyUnavailable(EngineConfig config) {
        try (Arena scratch = Arena.ofConfined()) {
            loadLibrary();
            return lt_backend_probe(nativeConfig(config, scratch)) == luthier_h.LT_OK() ? Optional.empty() : Optional.of(lastError());
        } catch (EngineException e) {
            return Optional.of(e.getMessage());
        }
    }

    /** Loads the native library and checks that it speaks this binding's ABI version. */
    public static void loadLibrary() {
        NativeLibrary.load();
        if (lt_abi_version() != luthier_h.LT_ABI_VERSION())
            throw new EngineException(Status.UNAVAILABLE, "libluthier.so has ABI version " + lt_abi_version() + ", these classes were made for "
                    + luthier_h.LT_ABI_VERSION() + "; use jars of one release");
    }

    private static MemorySegment nativeConfig(EngineConfig config, Arena scratch) {
        MemorySegment c = lt_engine_config.allocate(scratch);
        lt_engine_config.backend(c, scratch.allocateFrom(config.backend()));
        lt_engine_config.library(c, backendLibrary(config.backend()).map(p -> scratch.allocateFrom(p.toString())).orElse(MemorySegment.NULL));
        lt_engine_config.device(c, config.device());
        lt_engine_config.threads(c, config.threads());
        lt_engine_config.precision(c, config.precision().ordinal());
        return c;
    }

    private static Optional<Path> backendLibrary(String backend) {
        String file = switch (backend) {
            case "cuda" -> "libluthier_cuda.so";
            case "cuda-emulated" -> "libluthier_cuda_emulated.so";
            default -> null;
        };
        if (file == null) return Optional.empty();
        Optional<Path> library = NativeLibrary.find(file);
        if (library.isEmpty())
            throw new EngineException(Status.UNAVAILABLE, "this build carries no " + file + " for " + NativeLibrary.platform() + "; build it where nvcc is installed");
        return library;
    }

    public EngineConfig config() {
        return config;
    }

    /** What the engine runs on; memoryFree is as of its start. */
    public DeviceInfo device() {
        return device;
    }

    /** The native handle, for the ops. */
    public MemorySegment handle() {
        if (handle == null) throw new IllegalStateException("this engine is closed");
        return handle;
    }

    /** Device memory, 256-byte aligned, contents undefined. */
    public long alloc(long bytes) {
        check(lt_alloc(handle(), pointer, bytes));
        return pointer.get(ValueLayout.JAVA_LONG, 0);
    }

    public void free(long address) {
        check(lt_free(handle(), address));
    }

    /**
     * Lets the engine read host memory in place (a mapped file) for as long as the caller keeps it; {@link #free} ends it.
     * {@link Status#UNSUPPORTED} where the device has memory of its own.
     */
    public long register(MemorySegment host) {
        check(lt_register(handle(), pointer, host, host.byteSize()));
        return pointer.get(ValueLayout.JAVA_LONG, 0);
    }

    /**
     * Like {@link #register}, but 0 where the device has memory of its own, or the host memory is empty or not aligned so.
     *
     * @param alignment bytes that its start must be a multiple of
     */
    public long registerIfPossible(MemorySegment host, long alignment) {
        if (host.byteSize() == 0 || host.address() % alignment != 0) return 0;
        try {
            return register(host);
        } catch (EngineException e) {
            if (e.status() == Status.UNSUPPORTED) return 0;
            throw e;
        }
    }

    /** Copies host memory in; a heap segment goes through native memory. */
    public void upload(long address, MemorySegment host) {
        if (host.byteSize() == 0) return;
        if (host.isNative()) {
            check(lt_upload(handle(), address, host, host.byteSize()));
            return;
        }
        try (Arena scratch = Arena.ofConfined()) {
            upload(address, scratch.allocate(host.byteSize(), 8).copyFrom(host));
        }
    }

    public void download(MemorySegment host, long address) {
        if (host.byteSize() > 0) check(lt_download(handle(), host, address, host.byteSize()));
    }

    public void copy(long to, long from, long bytes) {
        check(lt_copy(handle(), to, from, bytes));
    }

    public void zero(Tensor t) {
        if (!t.contiguous()) throw new IllegalArgumentException("zero needs a contiguous tensor, found " + t);
        if (t.bytes() > 0) check(lt_zero(handle(), t.address(), t.bytes()));
    }

    /** Copies a contiguous F32 tensor in. */
    public void upload(Tensor t, float[] values) {
        try (Arena scratch = Arena.ofConfined()) {
            upload(requireLength(t, DType.F32, values.length).address(), scratch.allocateFrom(ValueLayout.JAVA_FLOAT, values));
        }
    }

    /** Copies a contiguous I32 tensor in. */
    public void upload(Tensor t, int[] values) {
        try (Arena scratch = Arena.ofConfined()) {
            upload(requireLength(t, DType.I32, values.length).address(), scratch.allocateFrom(ValueLayout.JAVA_INT, values));
        }
    }

    /** The elements of a contiguous F32 tensor. Waits for the device. */
    public float[] floats(Tensor t) {
        try (Arena scratch = Arena.ofConfined()) {
            MemorySegment host = scratch.allocate(requireLength(t, DType.F32, t.elements()).bytes(), 4);
            download(host, t.address());
            return host.toArray(ValueLayout.JAVA_FLOAT);
        }
    }

    /** The elements of a contiguous I32 tensor. Waits for the device. */
    public int[] ints(Tensor t) {
        try (Arena scratch = Arena.ofConfined()) {
            MemorySegment host = scratch.allocate(requireLength(t, DType.I32, t.elements()).bytes(), 4);
            download(host, t.address());
            return host.toArray(ValueLayout.JAVA_INT);
        }
    }

    private static Tensor requireLength(Tensor t, DType dtype, long length) {
        if (t.dtype() != dtype || !t.contiguous() || t.elements() != length)
            throw new IllegalArgumentException("found " + t + ", wanted a contiguous " + dtype + " tensor of " + length + " elements");
        return t;
    }

    /** Bytes of workspace with which every op within these limits can run. */
    public long workspaceBytes(Limits limits) {
        try (Arena scratch = Arena.ofConfined()) {
            MemorySegment l = lt_limits.allocate(scratch);
            lt_limits.tokens(l, limits.tokens());
            lt_limits.features(l, limits.features());
            lt_limits.hidden(l, limits.hidden());
            lt_limits.vocab(l, limits.vocab());
            lt_limits.sequences(l, limits.sequences());
            lt_limits.heads(l, limits.heads());
            lt_limits.head_dim(l, limits.headDim());
            lt_limits.rank(l, limits.rank());
            check(lt_workspace_bytes(handle(), pointer, l));
            return pointer.get(ValueLayout.JAVA_LONG, 0);
        }
    }

    /** Makes the ops' workspace at least large enough for these limits. */
    public void requireWorkspace(Limits limits) {
        long bytes = workspaceBytes(limits);
        if (bytes <= workspaceBytes) return;
        check(lt_set_workspace(handle(), 0, 0));
        free(workspace);
        workspace = 0;
        workspaceBytes = 0;
        workspace = alloc(bytes);
        check(lt_set_workspace(handle(), workspace, bytes));
        workspaceBytes = bytes;
    }

    /** Waits until everything queued has finished. */
    public void synchronize() {
        check(lt_synchronize(handle()));
    }

    /** Turns a status into its exception. */
    public static void check(int status) {
        if (status != luthier_h.LT_OK()) throw new EngineException(Status.of(status), lastError());
    }

    private static String lastError() {
        return lt_last_error().getString(0);
    }

    /** Frees the engine and everything allocated from it. */
    @Override
    public void close() {
        if (handle == null) return;
        MemorySegment h = handle;
        handle = null;
        arena.close();
        check(lt_engine_destroy(h));
    }
}
