#!/usr/bin/env bash
# Regenerates java/engine/src/main/java/dev/luthier/binding from native/include/luthier.h.
#   JEXTRACT="jextract" cmake/jextract.sh
# JEXTRACT is the command of a jextract for JDK 25 (https://jdk.java.net/jextract, or built from its source with javac and libclang).
# Its output is committed untouched; nothing in that folder is edited by hand.
set -euo pipefail
cd "$(dirname "$0")/.."
out=java/engine/src/main/java
rm -rf "$out/dev/luthier/binding"
${JEXTRACT:-jextract} --output "$out" --target-package dev.luthier.binding --header-class-name luthier_h \
  @<(grep -v '^#' cmake/binding.symbols) native/include/luthier.h
