/** Which rows go together and when: hold-out, shuffling, packing, batches; every choice a function of the seed. */
package dev.luthier.data.batch;
