// hnswlib as its users compile it: headers alone, for the machine it runs on.
#include <hnswlib/hnswlib.h>

#include <memory>

#include "peer.hpp"

class HnswlibPeer {
public:
    explicit HnswlibPeer(const Setup& setup) : setup(setup) {
        if (setup.isL2)
            space = std::make_unique<hnswlib::L2Space>(setup.dimensions);
        else
            space = std::make_unique<hnswlib::InnerProductSpace>(setup.dimensions);
    }

    void build(const Vectors& base, size_t threads) {
        index = std::make_unique<hnswlib::HierarchicalNSW<float>>(
            space.get(), base.count, setup.connectivity, setup.efConstruction);
        index->addPoint(base.row(0), 0);
        parallel(threads, base.count - 1, [&](size_t, size_t row) { index->addPoint(base.row(row + 1), row + 1); });
    }

    void save(const std::string& path) { index->saveIndex(path); }

    void load(const std::string& path) {
        index = std::make_unique<hnswlib::HierarchicalNSW<float>>(space.get(), path);
    }

    void setWidth(size_t width) { index->setEf(width); }

    void searchAll(const Vectors& queries, size_t count, size_t threads, std::vector<int32_t>& ids) {
        parallel(threads, count, [&](size_t, size_t query) {
            auto found = index->searchKnn(queries.row(query), neighbours);
            for (auto at = found.size(); at-- > 0; found.pop()) ids[query * neighbours + at] = found.top().second;
        });
    }

private:
    Setup setup;
    std::unique_ptr<hnswlib::SpaceInterface<float>> space;
    std::unique_ptr<hnswlib::HierarchicalNSW<float>> index;
};

int main(int argc, char** argv) { return serve<HnswlibPeer>(argc, argv); }
