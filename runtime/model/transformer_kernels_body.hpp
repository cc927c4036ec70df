// The bodies of Kernels<T> other than attention, compiled once per instruction set.
#pragma once

#include <cmath>

#include "runtime/model/transformer_simd.hpp"

namespace flywheel::FLYWHEEL_ISA {

template <class T>
void scale_row(std::int64_t hidden, const float* x, const T* weight, float inverse_rms, T* y) {
  for (std::int64_t i = 0; i < hidden; i += lanes)
    store_at(y, i, hidden, load_at(x, i, hidden) * inverse_rms * load_at(weight, i, hidden));
}

template <class T>
void add_norm(RowRange rows, std::int64_t hidden, const float* x_in, const T* delta, float* x_out,
              const T* weight, float epsilon, T* y, float* inverse_rms) {
  for (auto row = rows.begin; row < rows.end; ++row) {
    const auto at = row * hidden;
    Vector squares{};
    for (std::int64_t i = 0; i < hidden; i += lanes) {
      Vector x = load_at(x_in + at, i, hidden);
      if (delta) {
        x += load_at(delta + at, i, hidden);
        store_at(x_out + at, i, hidden, x);
      }
      squares += x * x;
    }
    if (!y) continue;
    const float mean = sum_of(squares) / static_cast<float>(hidden);
    inverse_rms[row] = 1.0F / std::sqrt(mean + epsilon);
    scale_row(hidden, delta ? x_out + at : x_in + at, weight, inverse_rms[row], y + at);
  }
}

template <class T>
void scale_norm(RowRange rows, std::int64_t hidden, const float* x, const T* weight,
                const float* inverse_rms, T* y) {
  for (auto row = rows.begin; row < rows.end; ++row)
    scale_row(hidden, x + row * hidden, weight, inverse_rms[row], y + row * hidden);
}

// y = x r w with r = (mean(x^2) + e)^(-1/2): dx = r (g - x r mean(g x r)), g = dy w; dw = dy x r.
template <class T>
void norm_backward(RowRange rows, std::int64_t hidden, const T* dy, const float* x, const T* weight,
                   const float* inverse_rms, float* dx, float* weight_gradient) {
  for (auto row = rows.begin; row < rows.end; ++row) {
    const auto at = row * hidden;
    const float r = inverse_rms[row];
    Vector dot{};
    for (std::int64_t i = 0; i < hidden; i += lanes) {
      const Vector dyx = load_at(dy + at, i, hidden) * load_at(x + at, i, hidden) * r;
      store_at(weight_gradient, i, hidden, load_at(weight_gradient, i, hidden) + dyx);
      dot += dyx * load_at(weight, i, hidden);
    }
    const float mean = sum_of(dot) / static_cast<float>(hidden);
    for (std::int64_t i = 0; i < hidden; i += lanes) {
      const Vector g = load_at(dy + at, i, hidden) * load_at(weight, i, hidden);
      const Vector xhat = load_at(x + at, i, hidden) * r;
      store_at(dx + at, i, hidden, load_at(dx + at, i, hidden) + (g - xhat * mean) * r);
    }
  }
}

inline float to_scalar(float x) {
  return x;
}
inline float to_scalar(Bfloat16 x) {
  const std::uint32_t bits = static_cast<std::uint32_t>(x.bits) << 16;
  float y;
  std::memcpy(&y, &bits, sizeof y);
  return y;
}

constexpr std::int64_t head_size_max = 512;

template <class T>
void load_head(std::int64_t size, const T* raw, const T* bias, float* to) {
  for (std::int64_t i = 0; i < size; i += lanes) {
    Vector x = load_at(raw, i, size);
    if (bias) x += load_at(bias, i, size);
    store_at(to, i, size, x);
  }
}

// Norm of one head in place; returns the inverse root mean square.
template <class T>
float norm_head(std::int64_t size, float* x, const T* weight, float epsilon) {
  float squares = 0.0F;
  for (std::int64_t i = 0; i < size; ++i) squares += x[i] * x[i];
  const float r = 1.0F / std::sqrt(squares / static_cast<float>(size) + epsilon);
  for (std::int64_t i = 0; i < size; ++i) x[i] *= r * to_scalar(weight[i]);
  return r;
}

// Rotate-half: (a, b) -> (a cos - b sin, b cos + a sin) for the two halves of a head. sign -1
// undoes it.
inline void rotate_head(std::int64_t size, float* x, const float* cosines, const float* sines,
                        float sign) {
  const auto half = size / 2;
  for (std::int64_t i = 0; i < half; i += lanes) {
    const Vector a = load_at(x, i, half), b = load_at(x + half, i, half);
    const Vector c = load_at(cosines, i, half), s = load_at(sines, i, half) * sign;
    store_at(x, i, half, a * c - b * s);
    store_at(x + half, i, half, b * c + a * s);
  }
}

template <class T>
void rotate(RowRange rows, const QkvTransform<T>& transform, const T* raw, T* rotated) {
  const auto& shape = transform.shape;
  const auto size = shape.head_size, half = size / 2;
  float head[head_size_max];
  for (auto row = rows.begin; row < rows.end; ++row) {
    const auto position = transform.positions[row];
    for (std::int64_t h = 0; h < shape.heads + 2 * shape.kv_heads; ++h) {
      const auto at = row * shape.row_size() + h * size;
      load_head(size, raw + at, transform.bias ? transform.bias + h * size : nullptr, head);
      const bool is_query = h < shape.heads, is_value = h >= shape.heads + shape.kv_heads;
      if (!is_value) {
        const T* norm = is_query ? transform.query_norm : transform.key_norm;
        if (norm) norm_head(size, head, norm, transform.epsilon);
        rotate_head(size, head, transform.cosines + position * half,
                    transform.sines + position * half, 1.0F);
      }
      for (std::int64_t i = 0; i < size; i += lanes)
        store_at(rotated + at, i, size, load_at(head, i, size));
    }
  }
}

// The same as norm_backward for one head; `gradient` in place.
template <class T>
void norm_head_backward(std::int64_t size, const T* raw, const T* bias, const T* weight,
                        float epsilon, float* gradient, float* weight_gradient) {
  float x[head_size_max];
  load_head(size, raw, bias, x);
  float squares = 0.0F, dot = 0.0F;
  for (std::int64_t i = 0; i < size; ++i) squares += x[i] * x[i];
  const float r = 1.0F / std::sqrt(squares / static_cast<float>(size) + epsilon);
  for (std::int64_t i = 0; i < size; ++i) {
    const float g = gradient[i] * x[i] * r;
    weight_gradient[i] += g;
    dot += g * to_scalar(weight[i]);
  }
  const float mean = dot / static_cast<float>(size);
  for (std::int64_t i = 0; i < size; ++i)
    gradient[i] = r * (gradient[i] * to_scalar(weight[i]) - x[i] * r * mean);
}

template <class T>
void rotate_backward(RowRange rows, const QkvTransform<T>& transform, const T* raw, const float* dq,
                     const float* dk, const float* dv, T* dqkv, float* norm_gradient) {
  const auto& shape = transform.shape;
  const auto size = shape.head_size, half = size / 2, group = shape.heads / shape.kv_heads;
  float head[head_size_max];
  for (auto row = rows.begin; row < rows.end; ++row) {
    const auto position = transform.positions[row];
    for (std::int64_t h = 0; h < shape.heads + 2 * shape.kv_heads; ++h) {
      const bool is_query = h < shape.heads, is_value = h >= shape.heads + shape.kv_heads;
      const float* from = is_query ? dq : is_value ? dv : dk;
      const auto kv_head = (h - shape.heads) % shape.kv_heads;
      const auto first = is_query ? h : kv_head * group;
      from += (row * shape.heads + first) * size;
      for (std::int64_t i = 0; i < size; i += lanes) {
        Vector sum = load_at(from, i, size);
        for (std::int64_t g = 1; !is_query && g < group; ++g)
          sum += load_at(from + g * size, i, size);
        store_at(head, i, size, sum);
      }
      const auto at = row * shape.row_size() + h * size;
      if (!is_value) {
        rotate_head(size, head, transform.cosines + position * half,
                    transform.sines + position * half, -1.0F);
        const T* norm = is_query ? transform.query_norm : transform.key_norm;
        if (norm)
          norm_head_backward(size, raw + at, transform.bias ? transform.bias + h * size : nullptr,
                             norm, transform.epsilon, head,
                             is_query ? norm_gradient : norm_gradient + size);
      }
      for (std::int64_t i = 0; i < size; i += lanes)
        store_at(dqkv + at, i, size, load_at(head, i, size));
    }
  }
}

inline Vector sigmoid_of(Vector x) {
  return 1.0F / (1.0F + exp_of(-x));
}

template <class T>
void swiglu(RowRange rows, std::int64_t intermediate, const T* gate_up, T* y) {
  for (auto row = rows.begin; row < rows.end; ++row) {
    const T* gate = gate_up + row * 2 * intermediate;
    for (std::int64_t i = 0; i < intermediate; i += lanes) {
      const Vector g = load_at(gate, i, intermediate);
      const Vector u = load_at(gate + intermediate, i, intermediate);
      store_at(y + row * intermediate, i, intermediate, g * sigmoid_of(g) * u);
    }
  }
}

// y = silu(g) u: dg = dy u s (1 + g (1 - s)), du = dy g s, s = sigmoid(g).
template <class T>
void swiglu_backward(RowRange rows, std::int64_t intermediate, const T* gate_up, const T* dy,
                     T* dgate_up) {
  for (auto row = rows.begin; row < rows.end; ++row) {
    const T* gate = gate_up + row * 2 * intermediate;
    T* dgate = dgate_up + row * 2 * intermediate;
    for (std::int64_t i = 0; i < intermediate; i += lanes) {
      const Vector g = load_at(gate, i, intermediate);
      const Vector u = load_at(gate + intermediate, i, intermediate);
      const Vector d = load_at(dy + row * intermediate, i, intermediate);
      const Vector s = sigmoid_of(g);
      store_at(dgate, i, intermediate, d * u * s * (1.0F + g * (1.0F - s)));
      store_at(dgate + intermediate, i, intermediate, d * g * s);
    }
  }
}

template <class T>
void from_float(std::int64_t count, const float* x, T* y) {
  for (std::int64_t i = 0; i < count; i += lanes) store_at(y, i, count, load_at(x, i, count));
}
template <class T>
void to_float(std::int64_t count, const T* x, float* y) {
  for (std::int64_t i = 0; i < count; i += lanes) store_at(y, i, count, load_at(x, i, count));
}
template <class T>
void add_to_float(std::int64_t count, const T* x, float* y) {
  for (std::int64_t i = 0; i < count; i += lanes)
    store_at(y, i, count, load_at(y, i, count) + load_at(x, i, count));
}
template <class T>
void column_sum(RowRange rows, std::int64_t columns, const T* x, float* sum) {
  for (auto row = rows.begin; row < rows.end; ++row) add_to_float(columns, x + row * columns, sum);
}

template <class T>
void log_softmax_row(std::int64_t vocabulary, const float* logits, std::int64_t target,
                     float* log_probability, float* entropy, float* log_sum) {
  const auto whole = vocabulary / lanes * lanes;
  Vector largest = fill(logits[0]);
  for (std::int64_t i = 0; i < whole; i += lanes) largest = max_of(load(logits + i), largest);
  float top = max_of(largest);
  for (auto i = whole; i < vocabulary; ++i) top = logits[i] > top ? logits[i] : top;
  // Four sums each, so that additions do not wait for one another.
  Vector sums[4] = {}, products[4] = {};
  for (std::int64_t i = 0; i < vocabulary; i += lanes) {
    Vector z = fill(-1e30F);
    if (i + lanes <= vocabulary)
      z = load(logits + i) - top;
    else
      for (auto k = i; k < vocabulary; ++k) z[k - i] = logits[k] - top;
    const Vector e = exp_of(z);
    sums[i / lanes % 4] += e;
    products[i / lanes % 4] += z > -80.0F ? e * z : fill(0.0F);
  }
  float sum = 0.0F, product = 0.0F;
  for (int k = 0; k < 4; ++k) {
    sum += sum_of(sums[k]);
    product += sum_of(products[k]);
  }
  const float log_denominator = std::log(sum);
  *log_sum = top + log_denominator;
  *log_probability = logits[target] - top - log_denominator;
  *entropy = log_denominator - product / sum;
}

template <class T>
void log_softmax_row_backward(std::int64_t vocabulary, const float* logits, std::int64_t target,
                              float log_sum, float scale, T* dlogits) {
  for (std::int64_t i = 0; i < vocabulary; i += lanes) {
    Vector d = exp_of(load_at(logits, i, vocabulary) - log_sum) * -scale;
    if (target >= i && target < i + lanes) d[target - i] += scale;
    store_at(dlogits, i, vocabulary, d);
  }
}

inline double sum_of_squares(std::int64_t count, const float* x) {
  constexpr std::int64_t block = 1024;  // what float32 adds up before float64 takes over
  double total = 0.0;
  for (std::int64_t begin = 0; begin < count; begin += block) {
    const auto end = begin + block < count ? begin + block : count;
    Vector sums{};
    for (auto i = begin; i < end; i += lanes) {
      const Vector v = load_at(x, i, end);
      sums += v * v;
    }
    total += static_cast<double>(sum_of(sums));
  }
  return total;
}

template <class T>
void adamw(std::int64_t count, const AdamwStep& step, const float* gradient, float* parameters,
           float* mean, float* variance, T* rounded) {
  for (std::int64_t i = 0; i < count; i += lanes) {
    const Vector g = load_at(gradient, i, count) * step.gradient_scale;
    const Vector m = load_at(mean, i, count) * step.beta1 + g * (1.0F - step.beta1);
    const Vector v = load_at(variance, i, count) * step.beta2 + g * g * (1.0F - step.beta2);
    const Vector p = load_at(parameters, i, count) * step.decay -
                     m * step.step_size / (sqrt_of(v) * step.correction + step.epsilon);
    store_at(mean, i, count, m);
    store_at(variance, i, count, v);
    store_at(parameters, i, count, p);
    store_at(rounded, i, count, p);
  }
}

}  // namespace flywheel::FLYWHEEL_ISA
