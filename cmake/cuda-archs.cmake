# The GPUs that the release build compiles for: machine code for each, and PTX of the newest for those to come.
# sm_75 has no bf16 tensor cores (fp16 kernels only); 90a is sm_90 with wgmma.
# While developing: -DLUTHIER_CUDA_ARCHS=80-real
set(LUTHIER_CUDA_ARCHS 75-real 80-real 86-real 89-real 90a-real 100-real 120-real 120-virtual CACHE STRING "GPU architectures to compile for")
