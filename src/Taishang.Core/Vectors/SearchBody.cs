using System.Text.Json;
using Google.Protobuf;
using Taishang.Contracts.Ai.V1;
using Taishang.Core.Api;
using Taishang.Core.Vectors.Json;

namespace Taishang.Core.Vectors;

/// <summary>A search, read straight into the message that the worker gets.</summary>
internal sealed class SearchBody
{
    private const string Fields = "collection, vector, vector_b64, text, vectors, top_k, filter, params, include, "
        + "score_threshold, offset, group_by, group_size";

    private SearchBody()
    {
    }

    public string Collection { get; private set; } = "";

    /// <summary>Embedded with the collection's model in place of a vector.</summary>
    public string? Text { get; private set; }

    /// <summary>True when asked with <c>vectors</c>: one answer for each.</summary>
    public bool Batch { get; private set; }

    public SearchVectorsRequest Request { get; } = new() { TopK = VectorLimits.TopKDefault };

    /// <exception cref="ApiException">With every broken rule that was found.</exception>
    public static SearchBody Read(ReadOnlySpan<byte> json)
    {
        var body = new SearchBody();
        BodyReader.ReadAll(json, body.ReadFields);
        return body;
    }

    /// <summary>What can be checked only once the collection is known.</summary>
    public void CheckVectors(int dims, bool refuseZero)
    {
        var errors = new FieldErrors();
        for (var i = 0; i < Request.Queries.Count; i++)
        {
            var values = UnsafeCollectionOperations.AsSpan(Request.Queries[i].Values);
            var path = Batch ? new FieldPath("", "vectors", i) : new FieldPath(Text is null ? "vector" : "text");
            VectorChecks.Check(errors, path, values, dims, refuseZero);
        }

        errors.ThrowIfAny();
    }

    private void ReadFields(ref BodyReader reader)
    {
        using var buffer = new FloatBuffer();
        var seen = Parts.None;
        while (reader.NextField())
        {
            var part = Find(ref reader);
            if (part == Parts.None)
            {
                reader.RefuseField(new FieldPath(""), Fields);
                continue;
            }

            var bits = (int)seen;
            var first = reader.Once(ref bits, (int)part, new FieldPath(NameOf(part)));
            seen = (Parts)bits;
            if (!first) continue;
            if ((part & Parts.Optional) != Parts.None && reader.IsNull) continue;
            if ((part & Parts.AnyVector) != Parts.None) ReadVectors(ref reader, part, buffer);
            else ReadOther(ref reader, part);
        }

        reader.Finish();
        CheckParts(reader.Errors, seen);
    }

    private static Parts Find(ref BodyReader reader)
    {
        if (reader.Is("vector"u8)) return Parts.Vector;
        if (reader.Is("collection"u8)) return Parts.Collection;
        if (reader.Is("top_k"u8)) return Parts.TopK;
        if (reader.Is("vector_b64"u8)) return Parts.Base64;
        if (reader.Is("text"u8)) return Parts.Text;
        if (reader.Is("vectors"u8)) return Parts.Vectors;
        if (reader.Is("filter"u8)) return Parts.Filter;
        if (reader.Is("params"u8)) return Parts.Params;
        if (reader.Is("include"u8)) return Parts.Include;
        if (reader.Is("score_threshold"u8)) return Parts.Threshold;
        if (reader.Is("group_by"u8)) return Parts.GroupBy;
        if (reader.Is("group_size"u8)) return Parts.GroupSize;
        return reader.Is("offset"u8) ? Parts.Offset : Parts.None;
    }

    private void ReadVectors(ref BodyReader reader, Parts part, FloatBuffer buffer)
    {
        if (part == Parts.Text)
        {
            Text = reader.String(new FieldPath("text"), VectorLimits.TextCharactersMax);
            return;
        }

        if (part == Parts.Vectors)
        {
            ReadBatch(ref reader, buffer);
            return;
        }

        var read = part == Parts.Vector
            ? reader.Vector(new FieldPath("vector"), buffer)
            : reader.VectorBase64(new FieldPath("vector_b64"), buffer);
        if (read) AddQuery(buffer);
    }

    private void ReadBatch(ref BodyReader reader, FloatBuffer buffer)
    {
        Batch = true;
        if (!reader.Enters(JsonTokenType.StartArray, new FieldPath("vectors"))) return;
        var count = 0;
        for (; reader.NextElement(); count++)
        {
            if (count >= VectorLimits.QueriesMax)
            {
                reader.Skip();
                continue;
            }

            var path = new FieldPath("", "vectors", count);
            // A batch may mix plain arrays and base64.
            var read = reader.Token == JsonTokenType.String
                ? reader.VectorBase64(path, buffer)
                : reader.Vector(path, buffer);
            if (read) AddQuery(buffer);
        }

        if (count > VectorLimits.QueriesMax)
            reader.Errors.Add(ErrorCodes.TooManyRows, "vectors",
                $"expected at most {VectorLimits.QueriesMax} queries, came {count}");
        if (count == 0)
            reader.Errors.Add(ErrorCodes.InvalidArgument, "vectors", "expected at least one query, came none");
    }

    private void AddQuery(FloatBuffer buffer)
    {
        var query = new QueryVector();
        query.Values.AddRange(buffer.Written);
        Request.Queries.Add(query);
    }

    private void ReadOther(ref BodyReader reader, Parts part)
    {
        switch (part)
        {
            case Parts.Collection:
                Collection = reader.String(new FieldPath("collection"), BodyFields.CollectionCharactersMax) ?? "";
                break;
            case Parts.TopK:
                Request.TopK = (int)(reader.Integer(new FieldPath("top_k"), 1, VectorLimits.TopKMax) ?? 1);
                break;
            case Parts.Offset:
                Request.Offset = (int)(reader.Integer(new FieldPath("offset"), 0, VectorLimits.OffsetMax) ?? 0);
                break;
            case Parts.Threshold:
                if (reader.Float(new FieldPath("score_threshold")) is { } threshold) Request.ScoreThreshold = threshold;
                break;
            case Parts.Filter:
                Request.FilterJson = BodyFields.Bytes(reader.Object(
                    new FieldPath("filter"), ErrorCodes.FilterInvalid, VectorLimits.FilterBytesMax));
                break;
            case Parts.GroupBy:
                var field = reader.String(new FieldPath("group_by"), VectorLimits.FieldCharactersMax);
                if (field is { Length: 0 })
                    reader.Errors.Add(ErrorCodes.InvalidArgument, "group_by", "expected a field's name, came none");
                Request.GroupBy = field ?? "";
                break;
            case Parts.GroupSize:
                Request.GroupSize =
                    (int)(reader.Integer(new FieldPath("group_size"), 1, VectorLimits.GroupSizeMax) ?? 1);
                break;
            case Parts.Params:
                ReadParams(ref reader);
                break;
            default:
                IncludeList.Read(ref reader, Request);
                break;
        }
    }

    private void ReadParams(ref BodyReader reader)
    {
        if (!reader.Enters(JsonTokenType.StartObject, new FieldPath("params"))) return;
        var seen = 0;
        while (reader.NextField())
        {
            if (reader.Is("ef"u8))
            {
                var path = new FieldPath("params.ef");
                if (reader.Once(ref seen, 1, path) && !reader.IsNull)
                    Request.Ef = (int)(reader.Integer(path, 1, VectorLimits.EfMax) ?? 0);
            }
            else if (reader.Is("exact"u8))
            {
                var path = new FieldPath("params.exact");
                if (reader.Once(ref seen, 2, path) && !reader.IsNull) Request.Exact = reader.Boolean(path) ?? false;
            }
            else if (reader.Is("nprobe"u8))
            {
                var path = new FieldPath("params.nprobe");
                if (reader.Once(ref seen, 4, path) && !reader.IsNull)
                    Request.Nprobe = (int)(reader.Integer(path, 1, VectorLimits.ProbesMax) ?? 0);
            }
            else
            {
                reader.RefuseField(new FieldPath("params"), "ef, exact, nprobe");
            }
        }
    }

    private void CheckParts(FieldErrors errors, Parts seen)
    {
        if ((seen & Parts.Collection) == Parts.None)
            errors.Add(ErrorCodes.MissingField, "collection", "required and missing");
        var forms = System.Numerics.BitOperations.PopCount((uint)(seen & Parts.AnyVector));
        if (forms == 0)
            errors.Add(ErrorCodes.MissingField, "vector",
                "required and missing: one of vector, vector_b64, text, vectors");
        else if (forms > 1)
            errors.Add(ErrorCodes.InvalidArgument, "vector",
                $"expected one of vector, vector_b64, text, vectors, came {forms}");
        var hits = (long)Request.TopK * Math.Max(1, Request.GroupSize);
        if (hits * Request.Queries.Count > VectorLimits.HitsMax)
            errors.Add(ErrorCodes.TooManyRows, "top_k",
                $"expected at most {VectorLimits.HitsMax} hits for all queries together, "
                + $"came {Request.Queries.Count} queries of {hits}");
        CheckGroups(errors, seen, hits);
    }

    private void CheckGroups(FieldErrors errors, Parts seen, long hits)
    {
        if (Request.GroupBy.Length == 0)
        {
            if ((seen & Parts.GroupSize) != Parts.None && (seen & Parts.GroupBy) == Parts.None)
                errors.Add(ErrorCodes.InvalidArgument, "group_size", "expected with group_by alone");
            return;
        }

        if (Request.Offset > 0)
            errors.Add(ErrorCodes.InvalidArgument, "offset", $"expected 0 with group_by, came {Request.Offset}");
        if (hits > VectorLimits.GroupedHitsMax)
            errors.Add(ErrorCodes.InvalidArgument, "group_size",
                $"expected top_k × group_size up to {VectorLimits.GroupedHitsMax}, came {hits}");
    }

    private static string NameOf(Parts part) => part switch
    {
        Parts.Vector => "vector",
        Parts.Base64 => "vector_b64",
        Parts.Text => "text",
        Parts.Vectors => "vectors",
        Parts.Collection => "collection",
        Parts.TopK => "top_k",
        Parts.Filter => "filter",
        Parts.Params => "params",
        Parts.Include => "include",
        Parts.Threshold => "score_threshold",
        Parts.GroupBy => "group_by",
        Parts.GroupSize => "group_size",
        _ => "offset",
    };

    [Flags]
    private enum Parts
    {
        None = 0,
        Collection = 1,
        Vector = 2,
        Base64 = 4,
        Text = 8,
        Vectors = 16,
        TopK = 32,
        Filter = 64,
        Params = 128,
        Include = 256,
        Threshold = 512,
        Offset = 1024,
        GroupBy = 2048,
        GroupSize = 4096,
        AnyVector = Vector | Base64 | Text | Vectors,
        Optional = TopK | Filter | Params | Include | Threshold | Offset | GroupBy | GroupSize,
    }
}
