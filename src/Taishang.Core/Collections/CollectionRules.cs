using Taishang.Core.Api;
using Taishang.Core.Models;

namespace Taishang.Core.Collections;

/// <summary>What a collection may be made of, and what of it may change.</summary>
internal static class CollectionRules
{
    public const int DimsMax = 32_768;
    public const int ShardsMax = 64;
    public const int DescriptionMax = 1_000;

    /// <summary>A hundred years.</summary>
    public const long TtlSecondsMax = 3_155_760_000;

    /// <summary>Known names that no worker of this version has: refused as such, not as misspelled.</summary>
    private static readonly string[] EnginesToCome = ["faiss", "milvus"];

    private static readonly string[] Metrics = ["cosine", "l2", "dot"];

    /// <summary>The collection that a body asks for, without id, times and model.</summary>
    /// <param name="body">As it came.</param>
    /// <param name="model">The reference to bind it to, when it names one.</param>
    /// <exception cref="ApiException">With every broken rule.</exception>
    public static Collection Check(CreateCollectionBody body, out string? model)
    {
        var errors = new FieldErrors();
        CheckName(errors, body.Name);
        CheckRange(errors, "dims", body.Dims, 1, DimsMax);
        CheckOneOf(errors, "index_type", body.IndexType, IndexTypes.Names, []);
        CheckOneOf(errors, "metric_type", body.MetricType ?? "cosine", Metrics, []);
        CheckOneOf(errors, "engine", body.Engine ?? "auto", ["auto", "embedded"], EnginesToCome);
        CheckOneOf(
            errors, "compression", body.Compression ?? Compressions.None, Compressions.Names, Compressions.ToCome);
        CheckRange(errors, "shards", body.Shards ?? 1, 1, ShardsMax);
        CheckTtl(errors, body.TtlSeconds);
        CheckDescription(errors, body.Description);
        if (body.Model is { Length: 0 or > ModelReference.LengthMax })
            errors.Add(
                ErrorCodes.CollectionParameter, "model",
                $"expected 1 to {ModelReference.LengthMax} characters, came {body.Model.Length}");
        var type = IndexTypes.Find(body.IndexType);
        var parameters = CollectionParams.Read(body.Params, type, errors);
        if (parameters.Rerank is { } rerank)
            CheckOneOf(errors, "params.rerank", rerank, Compressions.Reranks, []);
        var compression = body.Compression ?? Compressions.None;
        Compressions.CheckTogether(body, compression, parameters.Rerank, errors);
        errors.ThrowIfAny();
        model = body.Model;
        return new Collection
        {
            Name = body.Name,
            Dims = body.Dims,
            IndexType = body.IndexType,
            MetricType = body.MetricType ?? "cosine",
            Status = Collection.IsScanned(body.IndexType, compression)
                ? CollectionStatus.Ready
                : CollectionStatus.Building,
            Params = parameters.Over(type?.Defaults ?? CollectionParams.None).ToJson(),
            Engine = "embedded",
            Compression = compression,
            TtlSeconds = body.TtlSeconds,
            Shards = body.Shards ?? 1,
            Description = body.Description,
            Pinned = body.Pinned ?? false,
        };
    }

    /// <summary>The collection as a body changes it.</summary>
    /// <exception cref="ApiException">With every broken rule; what can not change has its own code.</exception>
    public static Collection Change(Collection old, ChangeCollectionBody body)
    {
        var errors = new FieldErrors();
        CheckFixed(errors, "dims", body.Dims, old.Dims);
        CheckFixed(errors, "metric_type", body.MetricType, old.MetricType);
        CheckFixed(errors, "index_type", body.IndexType, old.IndexType);
        CheckFixed(errors, "engine", body.Engine == "auto" ? "embedded" : body.Engine, old.Engine);
        CheckFixed(errors, "compression", body.Compression, old.Compression);
        CheckFixed(errors, "shards", body.Shards, old.Shards);
        CheckModelFixed(errors, body.Model, old);
        if (body.Name is not null) CheckName(errors, body.Name);
        if (body.TtlGiven) CheckTtl(errors, body.TtlSeconds);
        if (body.DescriptionGiven) CheckDescription(errors, body.Description);
        var was = CollectionParams.Parse(old.Params);
        var given = CollectionParams.Read(body.Params, IndexTypes.Find(old.IndexType), errors);
        CheckFixed(errors, "params.m", given.Connectivity, was.Connectivity);
        CheckFixed(errors, "params.ef_construction", given.EfConstruction, was.EfConstruction);
        CheckFixed(errors, "params.nlist", given.Lists, was.Lists);
        CheckFixed(errors, "params.rerank", given.Rerank, was.Rerank ?? Compressions.Float32);
        errors.ThrowIfAny();
        return old with
        {
            Name = body.Name ?? old.Name,
            Description = body.DescriptionGiven ? body.Description : old.Description,
            TtlSeconds = body.TtlGiven ? body.TtlSeconds : old.TtlSeconds,
            Params = given.Over(was).ToJson(),
            Pinned = body.Pinned ?? old.Pinned,
        };
    }

    /// <summary>A filter value that no collection can have is a mistake of the caller's, not an empty list.</summary>
    /// <exception cref="ApiException">With every broken rule.</exception>
    public static void CheckFilters(ListQuery query)
    {
        var errors = new FieldErrors();
        void Check(string field, ReadOnlySpan<string> known)
        {
            if (query.Filter(field) is not { } value || known.Contains(value)) return;
            errors.Add(ErrorCodes.InvalidArgument, field,
                $"expected one of {string.Join(", ", known.ToArray())}, came '{Cut(value)}'");
        }

        Check("status", [CollectionStatus.Building, CollectionStatus.Ready, CollectionStatus.Error]);
        Check("metric_type", Metrics);
        Check("index_type", IndexTypes.Names);
        Check("engine", ["embedded", .. EnginesToCome]);
        if (query.Filter("name") is { } name && !Collection.IsName(name))
            errors.Add(ErrorCodes.InvalidArgument, "name", $"expected {Collection.NamePattern}, came '{Cut(name)}'");
        if (query.Filter("model_id") is { } id && Data.RowId.TimeOf(id) is null)
            errors.Add(ErrorCodes.InvalidArgument, "model_id", $"expected the id of a model, came '{Cut(id)}'");
        errors.ThrowIfAny();
    }

    private static void CheckName(FieldErrors errors, string name)
    {
        if (Collection.IsName(name)) return;
        errors.Add(ErrorCodes.CollectionParameter, "name", $"expected {Collection.NamePattern}, came '{Cut(name)}'");
    }

    private static void CheckRange(FieldErrors errors, string field, long value, long min, long max)
    {
        if (value >= min && value <= max) return;
        errors.Add(ErrorCodes.CollectionParameter, field, $"expected {min} to {max}, came {value}");
    }

    private static void CheckTtl(FieldErrors errors, long? seconds)
    {
        if (seconds is { } given) CheckRange(errors, "ttl_seconds", given, 1, TtlSecondsMax);
    }

    private static void CheckDescription(FieldErrors errors, string? text)
    {
        if (text is null || (text.Length <= DescriptionMax && !text.Contains('\0'))) return;
        errors.Add(ErrorCodes.CollectionParameter, "description", text.Length > DescriptionMax
            ? $"expected at most {DescriptionMax} characters, came {text.Length}"
            : "expected text without the character U+0000");
    }

    private static void CheckOneOf(FieldErrors errors, string field, string value, string[] known, string[] toCome)
    {
        if (known.Contains(value)) return;
        if (toCome.Contains(value))
            errors.Add(ErrorCodes.EngineUnavailable, field,
                $"no worker has {value} yet: expected {string.Join(" or ", known)}");
        else
            errors.Add(ErrorCodes.CollectionParameter, field,
                $"expected one of {string.Join(", ", known)}, came '{Cut(value)}'");
    }

    private static void CheckFixed<T>(FieldErrors errors, string field, T? given, T was)
    {
        if (given is null || Equals(given, was)) return;
        errors.Add(
            ErrorCodes.CollectionImmutable, field, $"can not change after creation: is {was}, came {Cut($"{given}")}");
    }

    private static void CheckModelFixed(FieldErrors errors, string? given, Collection old)
    {
        // A model is named by id, by name or by provider/name; each of the three is the model it already has.
        var name = old.Model?[(old.Model.IndexOf('/', StringComparison.Ordinal) + 1)..];
        if (given is null || given == old.ModelId || given == old.Model || given == name) return;
        errors.Add(ErrorCodes.CollectionImmutable, "model",
            $"can not change after creation: is {old.Model ?? "none"}, came {Cut(given)}");
    }

    private static string Cut(string text) => text.Length <= 40 ? text : text[..40] + "…";
}
