/** Devices, memory, tensors: thin owners over the generated binding. Nothing here knows a model. */
package dev.luthier.engine;
