package dev.luthier.ops;

import dev.luthier.binding.lt_adamw_params;
import dev.luthier.binding.lt_attention_params;
import dev.luthier.binding.lt_head_loss_params;
import dev.luthier.binding.lt_lora_proj;
import dev.luthier.binding.lt_matrix;
import dev.luthier.binding.lt_sample_params;
import dev.luthier.binding.lt_tensor;
import dev.luthier.engine.Matrix;
import dev.luthier.engine.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** The argument structs of one call, written into memory that is allocated once: an op allocates nothing. */
final class Structs {
    private static final int TENSORS = 12;
    private static final int MATRICES = 2;
    static final int PROJECTIONS = 8;

    private final MemorySegment[] tensors = new MemorySegment[TENSORS];
    private final MemorySegment[] matrices = new MemorySegment[MATRICES];
    private final MemorySegment projections;
    private final MemorySegment attention;
    private final MemorySegment headLoss;
    private final MemorySegment adamw;
    private final MemorySegment sample;
    private int nextTensor;
    private int nextMatrix;

    Structs(Arena arena) {
        for (int i = 0; i < TENSORS; i++) tensors[i] = lt_tensor.allocate(arena);
        for (int i = 0; i < MATRICES; i++) matrices[i] = lt_matrix.allocate(arena);
        projections = lt_lora_proj.allocateArray(PROJECTIONS, arena);
        attention = lt_attention_params.allocate(arena);
        headLoss = lt_head_loss_params.allocate(arena);
        adamw = lt_adamw_params.allocate(arena);
        sample = lt_sample_params.allocate(arena);
    }

    /** A new call: the slots are free again. */
    void begin() {
        nextTensor = 0;
        nextMatrix = 0;
    }

    /** NULL for an absent tensor. */
    MemorySegment tensor(Tensor t) {
        if (t == null) return MemorySegment.NULL;
        MemorySegment s = tensors[nextTensor++];
        write(s, t);
        return s;
    }

    private static void write(MemorySegment s, Tensor t) {
        if (t == null) {
            s.fill((byte) 0);
            return;
        }
        lt_tensor.data(s, t.address());
        lt_tensor.rows(s, t.rows());
        lt_tensor.cols(s, t.cols());
        lt_tensor.row_stride(s, t.stride());
        lt_tensor.dtype(s, t.dtype().code());
    }

    MemorySegment matrix(Matrix m) {
        MemorySegment s = matrices[nextMatrix++];
        write(s, m);
        return s;
    }

    private static void write(MemorySegment s, Matrix m) {
        lt_matrix.data(s, m.data());
        lt_matrix.absmax(s, m.absmax());
        lt_matrix.nested_absmax(s, m.nestedAbsmax());
        lt_matrix.rows(s, m.rows());
        lt_matrix.cols(s, m.cols());
        lt_matrix.type(s, m.type().code());
        lt_matrix.nested_offset(s, m.nestedOffset());
    }

    float nestedOffset(MemorySegment matrix) {
        return lt_matrix.nested_offset(matrix);
    }

    MemorySegment projections(List<LoraProjection> list) {
        if (list.isEmpty() || list.size() > PROJECTIONS)
            throw new IllegalArgumentException("one call takes 1 to " + PROJECTIONS + " projections, found " + list.size());
        for (int i = 0; i < list.size(); i++) {
            LoraProjection p = list.get(i);
            MemorySegment s = lt_lora_proj.asSlice(projections, i);
            write(lt_lora_proj.w(s), p.w());
            write(lt_lora_proj.bias(s), p.bias());
            write(lt_lora_proj.a(s), p.a());
            write(lt_lora_proj.b(s), p.b());
            write(lt_lora_proj.xa(s), p.xa());
            write(lt_lora_proj.da(s), p.da());
            write(lt_lora_proj.db(s), p.db());
            write(lt_lora_proj.y(s), p.y());
            lt_lora_proj.scale(s, p.scale());
        }
        return projections;
    }

    MemorySegment attention(AttentionParams p) {
        MemorySegment s = attention;
        write(lt_attention_params.cu_seqlens(s), p.cuSeqlens());
        lt_attention_params.heads(s, p.heads());
        lt_attention_params.kv_heads(s, p.kvHeads());
        lt_attention_params.head_dim(s, p.headDim());
        lt_attention_params.window(s, p.window());
        lt_attention_params.max_seqlen(s, p.maxSeqlen());
        lt_attention_params.scale(s, p.scale());
        lt_attention_params.softcap(s, p.softcap());
        return s;
    }

    MemorySegment headLoss(HeadLossParams p) {
        MemorySegment s = headLoss;
        lt_head_loss_params.grad_scale(s, p.gradScale());
        lt_head_loss_params.softcap(s, p.softcap());
        lt_head_loss_params.smoothing(s, p.smoothing());
        lt_head_loss_params.ignore(s, p.ignore());
        return s;
    }

    MemorySegment adamw(AdamWParams p) {
        MemorySegment s = adamw;
        write(lt_adamw_params.param(s), p.param());
        write(lt_adamw_params.grad(s), p.grad());
        write(lt_adamw_params.m(s), p.m());
        write(lt_adamw_params.v(s), p.v());
        write(lt_adamw_params.m_absmax(s), p.mAbsmax());
        write(lt_adamw_params.v_absmax(s), p.vAbsmax());
        write(lt_adamw_params.norm(s), p.norm());
        lt_adamw_params.lr(s, p.lr());
        lt_adamw_params.beta1(s, p.beta1());
        lt_adamw_params.beta2(s, p.beta2());
        lt_adamw_params.eps(s, p.eps());
        lt_adamw_params.weight_decay(s, p.weightDecay());
        lt_adamw_params.clip(s, p.clip());
        lt_adamw_params.grad_scale(s, p.gradScale());
        lt_adamw_params.step(s, p.step());
        return s;
    }

    MemorySegment sample(SampleParams p) {
        MemorySegment s = sample;
        lt_sample_params.seed(s, p.seed());
        lt_sample_params.counter(s, p.counter());
        lt_sample_params.temperature(s, p.temperature());
        lt_sample_params.top_p(s, p.topP());
        lt_sample_params.min_p(s, p.minP());
        lt_sample_params.repeat_penalty(s, p.repeatPenalty());
        lt_sample_params.top_k(s, p.topK());
        return s;
    }
}
