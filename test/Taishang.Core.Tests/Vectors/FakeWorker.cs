using System.Collections.Concurrent;
using Taishang.Contracts.Ai.V1;
using Taishang.Core.AiClient;
using Taishang.Core.Api;
using Taishang.Testing.Hosts;

namespace Taishang.Core.Tests.Vectors;

/// <summary>
/// A worker in memory behind a <see cref="FakeAiClient"/>: keeps rows, scans them exactly, embeds by hashing.
/// </summary>
internal sealed partial class FakeWorker
{
    private readonly ConcurrentDictionary<string, Place> _places = new();

    public FakeWorker(FakeAiClient? ai = null)
    {
        Ai = (ai ?? new FakeAiClient()).WithPassingModels(EmbeddingDims);
        Serve();
    }

    public const int EmbeddingDims = 8;

    public FakeAiClient Ai { get; }

    public IReadOnlyCollection<string> Collections => [.. _places.Keys];

    public void Serve()
    {
        ServeSnapshots();
        Ai.On(AiCalls.CreateCollection, Create);
        Ai.On(AiCalls.UpdateCollection, request =>
        {
            Get(request.CollectionId).LastUpdate = request;
            if (request.HasPinned) Get(request.CollectionId).Spec.Pinned = request.Pinned;
            return new UpdateCollectionResponse();
        });
        Ai.On(AiCalls.DropCollection, request =>
            new DropCollectionResponse { Existed = _places.TryRemove(request.CollectionId, out _) });
        Ai.On(AiCalls.DescribeCollection, Describe);
        Ai.On(AiCalls.UpsertVectors, Upsert);
        Ai.On(AiCalls.DeleteVectors, request => new DeleteVectorsResponse
        {
            Count = request.Ids.Count(id => Get(request.CollectionId).Rows.TryRemove(Key(id), out _)),
        });
        Ai.On(
            AiCalls.CountVectors, request => new CountVectorsResponse { Count = Get(request.CollectionId).Rows.Count });
        Ai.On(AiCalls.GetVectors, request =>
        {
            var response = new GetVectorsResponse();
            foreach (var id in request.Ids)
                if (Get(request.CollectionId).Rows.TryGetValue(Key(id), out var row)) response.Rows.Add(row);
            return response;
        });
        Ai.On(AiCalls.SearchVectors, Search);
        Ai.On(AiCalls.ScrollVectors, Scroll);
        Ai.On(AiCalls.ComputeEmbedding, Embed);
        Ai.OnBuildIndex((request, _) =>
        {
            var place = Get(request.CollectionId);
            foreach (var key in place.Rows.Keys) place.Indexed[key] = true;
            return Task.FromResult(new BuildIndexProgress
            {
                Fraction = 1,
                Done = true,
                IndexedRows = place.Rows.Count,
                BuildSeconds = 0.25,
            });
        });
    }

    /// <summary>Everything fails as if the process were gone.</summary>
    public void Stop()
    {
        foreach (var method in new[]
        {
            "CreateCollection", "UpdateCollection", "DropCollection", "DescribeCollection", "UpsertVectors",
            "DeleteVectors", "CountVectors", "GetVectors", "SearchVectors", "ScrollVectors", "ComputeEmbedding",
            "BuildIndex",
        }) Ai.Forget(method);
    }

    private Place Get(string id) => _places.TryGetValue(id, out var place)
        ? place
        : throw new ApiException(ErrorCodes.CollectionNotFound);

    private CreateCollectionResponse Create(CreateCollectionRequest request)
    {
        _places.TryAdd(request.CollectionId, new Place(request.Spec));
        return new CreateCollectionResponse();
    }

    private DescribeCollectionResponse Describe(DescribeCollectionRequest request)
    {
        var place = Get(request.CollectionId);
        return new DescribeCollectionResponse
        {
            Spec = place.Spec,
            LiveRows = place.Rows.Count,
            Index = new IndexUse
            {
                IndexType = IndexType.Flat,
                Reason = "few rows",
                BytesPerVector = 16,
                Compression = Compression.None,
                Rerank = Rerank.Float32,
            },
            IndexedRows = place.Rows.Keys.Count(place.Indexed.ContainsKey),
            DiskBytes = 4096,
            MemoryBytes = 2048,
        };
    }

    private UpsertVectorsResponse Upsert(UpsertVectorsRequest request)
    {
        var place = Get(request.CollectionId);
        foreach (var row in request.Rows)
        {
            place.Rows[Key(row.Id)] = row;
            place.Indexed.TryRemove(Key(row.Id), out _);
        }

        return new UpsertVectorsResponse { Count = request.Rows.Count };
    }

    /// <summary>Cursors are plain row numbers here.</summary>
    private ScrollVectorsResponse Scroll(ScrollVectorsRequest request)
    {
        if (request.Cursor == "old") throw new ApiException(ErrorCodes.ScrollExpired);
        var rows = Get(request.CollectionId).Rows.Values.OrderBy(row => Key(row.Id), StringComparer.Ordinal).ToList();
        var start = request.Cursor.Length == 0 ? 0 : int.Parse(request.Cursor);
        var response = new ScrollVectorsResponse { Total = rows.Count };
        foreach (var row in rows.Skip(start).Take(request.Limit))
        {
            var shown = new Row { Id = row.Id };
            if (request.IncludeVector) shown.Vector.AddRange(row.Vector);
            if (request.IncludeMetadata) shown.MetadataJson = row.MetadataJson;
            response.Rows.Add(shown);
        }

        if (start + request.Limit < rows.Count) response.NextCursor = $"{start + request.Limit}";
        return response;
    }

    private SearchVectorsResponse Search(SearchVectorsRequest request)
    {
        var place = Get(request.CollectionId);
        var response = new SearchVectorsResponse { EngineMicroseconds = 12 };
        foreach (var query in request.Queries)
        {
            var hits = new Hits();
            hits.Hits_.AddRange(place.Rows.Values
                .Select(row => Hit(place, row, query, request))
                .OrderBy(hit => hit.Distance).ThenBy(hit => Key(hit.Id), StringComparer.Ordinal)
                .Where(hit => !request.HasScoreThreshold || hit.Score >= request.ScoreThreshold)
                .Skip(request.Offset).Take(request.TopK));
            if (request.GroupBy.Length > 0) Gather(hits, request);
            response.Answers.Add(hits);
        }

        return response;
    }

    /// <summary>Each hit a group of its own, named by its place.</summary>
    private static void Gather(Hits hits, SearchVectorsRequest request)
    {
        for (var i = 0; i < hits.Hits_.Count; i++)
        {
            hits.Groups.Add(new HitGroup
            {
                ValueJson = Google.Protobuf.ByteString.CopyFromUtf8($"\"{request.GroupBy}{i}\""),
                Hits = { hits.Hits_[i] },
            });
        }

        hits.Hits_.Clear();
    }

    private static Hit Hit(Place place, Row row, QueryVector query, SearchVectorsRequest request)
    {
        var (a, b) = (row.Vector, query.Values);
        double dot = 0, aa = 0, bb = 0, square = 0;
        for (var i = 0; i < a.Count; i++)
        {
            dot += a[i] * b[i];
            aa += a[i] * a[i];
            bb += b[i] * b[i];
            square += (a[i] - b[i]) * (a[i] - b[i]);
        }

        var distance = place.Spec.Metric switch
        {
            Metric.L2 => Math.Sqrt(square),
            Metric.Dot => -dot,
            _ => 1 - (dot / Math.Sqrt(aa * bb)),
        };
        var hit = new Hit
        {
            Id = row.Id,
            Distance = (float)distance,
            Score = (float)(place.Spec.Metric switch
            {
                Metric.L2 => 1 / (1 + distance),
                Metric.Dot => dot,
                _ => 1 - distance,
            }),
        };
        if (request.IncludeMetadata) hit.MetadataJson = row.MetadataJson;
        if (request.IncludeVector) hit.Vector.AddRange(row.Vector);
        return hit;
    }

    private static ComputeEmbeddingResponse Embed(ComputeEmbeddingRequest request)
    {
        var response = new ComputeEmbeddingResponse { Dims = EmbeddingDims, Tokens = request.Texts.Count };
        foreach (var text in request.Texts)
        {
            var embedding = new Embedding();
            var values = new float[EmbeddingDims];
            foreach (var character in text) values[character % EmbeddingDims]++;
            embedding.Values.AddRange(values);
            response.Embeddings.Add(embedding);
        }

        return response;
    }

    private static string Key(RowId id) => id.KindCase == RowId.KindOneofCase.Integer ? id.Integer.ToString() : id.Text;

    private sealed class Place(CollectionSpec spec)
    {
        public CollectionSpec Spec { get; } = spec;

        public ConcurrentDictionary<string, Row> Rows { get; } = new();

        public ConcurrentDictionary<string, bool> Indexed { get; } = new();

        public UpdateCollectionRequest? LastUpdate { get; set; }

        public Place Copy()
        {
            var copy = new Place(Spec);
            foreach (var (key, row) in Rows) copy.Rows[key] = row;
            foreach (var key in Indexed.Keys) copy.Indexed[key] = true;
            return copy;
        }
    }

    public UpdateCollectionRequest? LastUpdateOf(string id) => Get(id).LastUpdate;
}
