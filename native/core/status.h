/* Status codes and the sentence behind them. Inside the library a failure is an Error; the edge turns it into a status. */
#pragma once

#include <exception>
#include <string>

#include "luthier.h"

namespace luthier {

class Error : public std::exception {
 public:
  Error(lt_status status, std::string text) : status_(status), text_(std::move(text)) {}
  lt_status status() const { return status_; }
  const char *what() const noexcept override { return text_.c_str(); }

 private:
  lt_status status_;
  std::string text_;
};

/* Throws an Error with a printf-formatted sentence. */
[[noreturn]] void fail(lt_status status, const char *format, ...) __attribute__((format(printf, 2, 3), cold));

/* Keeps the sentence for lt_last_error on this thread; never throws. */
void remember(const char *text) noexcept;

/* Turns the exception being handled into a status and remembers its sentence. op names the function for errors that do not. */
lt_status status_of_exception(const char *op) noexcept;

}  // namespace luthier
