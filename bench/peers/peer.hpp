// What every peer of the comparison shares: the vector files, the threads, and the line protocol on its standard
// streams, by which the driver can measure the peers in turns.
//
//   PEER QUERIES METRIC M EF_CONSTRUCTION [VARIANT]
//
//   build BASE THREADS          ok SECONDS CPU_SECONDS
//   save PATH                   ok
//   load PATH                   ok SECONDS               with one query answered
//   search EF THREADS TIMES OUT ok SECONDS CPU_MICROS    all queries so many times; the ids of the last time to OUT,
//                                                        or nowhere when OUT is -
//
// A peer is a class with build, save, load, setWidth, searchOne and, where it brings threads of its own, searchAll.
#pragma once

#include <sys/resource.h>

#include <malloc.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

constexpr size_t neighbours = 10;

struct Vectors {
    size_t count = 0;
    size_t dimensions = 0;
    std::vector<float> values;

    const float* row(size_t index) const { return values.data() + index * dimensions; }

    static Vectors read(const std::string& path) {
        std::ifstream file(path, std::ios::binary);
        int32_t header[2] = {};
        Vectors vectors;
        if (!file.read(reinterpret_cast<char*>(header), sizeof header)) throw std::runtime_error("cannot read " + path);
        vectors.count = header[0];
        vectors.dimensions = header[1];
        vectors.values.resize(vectors.count * vectors.dimensions);
        if (!file.read(reinterpret_cast<char*>(vectors.values.data()), vectors.values.size() * sizeof(float)))
            throw std::runtime_error(path + " is cut off");
        return vectors;
    }
};

struct Setup {
    bool isL2;
    size_t dimensions;
    size_t connectivity;
    size_t efConstruction;
    std::string variant;
};

inline double cpuSeconds() {
    rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_utime.tv_sec + usage.ru_stime.tv_sec + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

inline double seconds() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Calls work(thread, index) for every index; the threads take them in small runs, so that none ends much later.
template <typename Work>
void parallel(size_t threads, size_t count, Work work) {
    constexpr size_t run = 16;
    std::atomic<size_t> next{0};
    auto loop = [&](size_t thread) {
        for (size_t start; (start = next.fetch_add(run)) < count;)
            for (size_t index = start; index < std::min(count, start + run); index++) work(thread, index);
    };
    std::vector<std::thread> others;
    for (size_t thread = 1; thread < threads; thread++) others.emplace_back(loop, thread);
    loop(0);
    for (auto& other : others) other.join();
}

template <typename Peer>
std::string answer(Peer& peer, const Vectors& queries, std::istringstream& words) {
    std::string verb;
    words >> verb;
    std::ostringstream line;
    line << "ok";
    if (verb == "build") {
        std::string path;
        size_t threads;
        words >> path >> threads;
        {
            auto base = Vectors::read(path);
            auto cpu = cpuSeconds();
            auto start = seconds();
            peer.build(base, threads);
            line << ' ' << seconds() - start << ' ' << cpuSeconds() - cpu;
        }
        malloc_trim(0);
    } else if (verb == "save") {
        std::string path;
        words >> path;
        peer.save(path);
    } else if (verb == "load") {
        std::string path;
        words >> path;
        auto start = seconds();
        peer.load(path);
        std::vector<int32_t> ids(neighbours);
        peer.setWidth(64);
        peer.searchAll(queries, 1, 1, ids);
        line << ' ' << seconds() - start;
    } else if (verb == "search") {
        size_t width, threads, times;
        std::string path;
        words >> width >> threads >> times >> path;
        std::vector<int32_t> ids(queries.count * neighbours, -1);
        peer.setWidth(width);
        auto cpu = cpuSeconds();
        auto start = seconds();
        for (size_t time = 0; time < times; time++) peer.searchAll(queries, queries.count, threads, ids);
        auto took = seconds() - start;
        line << ' ' << took << ' ' << (cpuSeconds() - cpu) * 1e6 / (times * queries.count);
        if (path != "-")
            std::ofstream(path, std::ios::binary)
                .write(reinterpret_cast<const char*>(ids.data()), ids.size() * sizeof(int32_t));
    } else {
        throw std::runtime_error("no verb " + verb);
    }
    return line.str();
}

template <typename Peer>
int serve(int argc, char** argv) {
    if (argc < 5) {
        std::cerr << "PEER QUERIES METRIC M EF_CONSTRUCTION [VARIANT]\n";
        return 2;
    }
    auto queries = Vectors::read(argv[1]);
    Setup setup{
        std::string(argv[2]) == "l2", queries.dimensions, std::stoul(argv[3]), std::stoul(argv[4]),
        argc > 5 ? argv[5] : ""};
    Peer peer(setup);
    std::cout << "ok ready" << std::endl;
    for (std::string text; std::getline(std::cin, text);) {
        std::istringstream words(text);
        try {
            std::cout << answer(peer, queries, words) << std::endl;
        } catch (const std::exception& failure) {
            std::cout << "error " << failure.what() << std::endl;
        }
    }
    return 0;
}
