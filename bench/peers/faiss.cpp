// Faiss HNSW from Debian's library. Debian compiles it for any x86-64, without AVX; so that it is not beaten by its
// packaging, its distances are computed here, compiled for the machine it runs on like the other peers' ("native");
// with the variant "packaged" they are the library's own.
#include <faiss/IndexFlat.h>
#include <faiss/IndexHNSW.h>
#include <faiss/index_io.h>
#include <omp.h>

#include <memory>

#include "peer.hpp"

#pragma GCC push_options
#pragma GCC optimize("fast-math")
template <bool isL2>
float nativeDistance(const float* __restrict left, const float* __restrict right, size_t dimensions) {
    float sum = 0;
    for (size_t i = 0; i < dimensions; i++) {
        float part = isL2 ? left[i] - right[i] : left[i];
        sum += part * (isL2 ? part : right[i]);
    }
    return sum;
}
#pragma GCC pop_options

template <bool isL2>
struct NativeComputer final : faiss::FlatCodesDistanceComputer {
    const float* rows;
    const float* query = nullptr;
    size_t dimensions;

    explicit NativeComputer(const faiss::IndexFlat& storage)
        : FlatCodesDistanceComputer(storage.codes.data(), storage.code_size),
          rows(storage.get_xb()),
          dimensions(storage.d) {}

    void set_query(const float* x) override { query = x; }

    float distance_to_code(const uint8_t* code) override {
        return nativeDistance<isL2>(query, reinterpret_cast<const float*>(code), dimensions);
    }

    float symmetric_dis(idx_t i, idx_t j) override {
        return nativeDistance<isL2>(rows + i * dimensions, rows + j * dimensions, dimensions);
    }
};

struct NativeFlat final : faiss::IndexFlat {
    using IndexFlat::IndexFlat;

    faiss::FlatCodesDistanceComputer* get_FlatCodesDistanceComputer() const override {
        if (metric_type == faiss::METRIC_L2) return new NativeComputer<true>(*this);
        return new NativeComputer<false>(*this);
    }
};

class FaissPeer {
public:
    explicit FaissPeer(const Setup& setup) : setup(setup) {}

    void build(const Vectors& base, size_t threads) {
        index = std::make_unique<faiss::IndexHNSWFlat>(
            setup.dimensions, setup.connectivity, setup.isL2 ? faiss::METRIC_L2 : faiss::METRIC_INNER_PRODUCT);
        useNativeStorage();
        index->hnsw.efConstruction = setup.efConstruction;
        omp_set_num_threads(threads);
        index->add(base.count, base.values.data());
    }

    void save(const std::string& path) { faiss::write_index(index.get(), path.c_str()); }

    void load(const std::string& path) {
        index.reset(dynamic_cast<faiss::IndexHNSW*>(faiss::read_index(path.c_str())));
        if (!index) throw std::runtime_error(path + " holds another kind of index");
        useNativeStorage();
    }

    void setWidth(size_t width) { index->hnsw.efSearch = width; }

    void searchAll(const Vectors& queries, size_t count, size_t threads, std::vector<int32_t>& ids) {
        omp_set_num_threads(threads);
        distances.resize(count * neighbours);
        labels.resize(count * neighbours);
        index->search(count, queries.values.data(), neighbours, distances.data(), labels.data());
        std::copy(labels.begin(), labels.end(), ids.begin());
    }

private:
    void useNativeStorage() {
        if (setup.variant == "packaged") return;
        auto packaged = dynamic_cast<faiss::IndexFlat*>(index->storage);
        auto native = new NativeFlat(packaged->d, packaged->metric_type);
        native->codes.swap(packaged->codes);
        native->ntotal = packaged->ntotal;
        delete packaged;
        index->storage = native;
    }

    Setup setup;
    std::unique_ptr<faiss::IndexHNSW> index;
    std::vector<float> distances;
    std::vector<faiss::Index::idx_t> labels;
};

int main(int argc, char** argv) { return serve<FaissPeer>(argc, argv); }
