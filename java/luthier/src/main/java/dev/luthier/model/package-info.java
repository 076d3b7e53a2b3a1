/** The transformer: configuration, weights, adapter, forward and backward, and the cache for decoding. */
package dev.luthier.model;
