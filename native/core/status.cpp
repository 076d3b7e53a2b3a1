#include "status.h"

#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <new>
#include <system_error>

namespace luthier {
namespace {
thread_local char last_error[1024];
}

void fail(lt_status status, const char *format, ...) {
  char text[sizeof last_error];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  throw Error(status, text);
}

void remember(const char *text) noexcept {
  size_t n = strlen(text);
  if (n >= sizeof last_error) n = sizeof last_error - 1;
  memmove(last_error, text, n);
  last_error[n] = 0;
}

lt_status status_of_exception(const char *op) noexcept {
  char text[sizeof last_error];
  try {
    throw;
  } catch (const Error &e) {
    remember(e.what());
    return e.status();
  } catch (const std::bad_alloc &) {
    snprintf(text, sizeof text, "%s: the host is out of memory", op);
    remember(text);
    return LT_OUT_OF_MEMORY;
  } catch (const std::system_error &e) { /* a thread could not be started */
    snprintf(text, sizeof text, "%s: %s", op, e.what());
    remember(text);
    return LT_UNAVAILABLE;
  } catch (const std::exception &e) {
    snprintf(text, sizeof text, "%s: %s", op, e.what());
  } catch (...) {
    snprintf(text, sizeof text, "%s: an unknown exception", op);
  }
  remember(text);
  return LT_DEVICE_ERROR;
}

}  // namespace luthier

extern "C" const char *lt_last_error(void) { return luthier::last_error; }
extern "C" int32_t lt_abi_version(void) { return LT_ABI_VERSION; }
