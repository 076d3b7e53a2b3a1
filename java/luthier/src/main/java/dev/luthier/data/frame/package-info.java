/**
 * Conversations put into the text that a model reads. One frame serves training, comparing, chatting and export, so
 * that the prompt at use is the prompt of training by construction.
 */
package dev.luthier.data.frame;
