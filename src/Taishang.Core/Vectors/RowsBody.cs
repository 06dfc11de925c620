using Google.Protobuf.Collections;
using Taishang.Contracts.Ai.V1;
using Taishang.Core.Api;
using Taishang.Core.Vectors.Json;

namespace Taishang.Core.Vectors;

/// <summary>A body that names rows: by ids (get, delete) or by a filter (delete).</summary>
internal sealed class RowsBody
{
    private const int CollectionBit = 1;
    private const int IdsBit = 2;
    private const int FilterBit = 4;

    private RowsBody()
    {
    }

    public string Collection { get; private set; } = "";

    public RepeatedField<RowId> Ids { get; } = [];

    /// <summary>A checked JSON object; empty when rows are named by ids.</summary>
    public Google.Protobuf.ByteString FilterJson { get; private set; } = Google.Protobuf.ByteString.Empty;

    /// <exception cref="ApiException">With every broken rule that was found.</exception>
    public static RowsBody Read(ReadOnlySpan<byte> json, bool takesFilter)
    {
        var body = new RowsBody();
        BodyReader.ReadAll(json, (ref reader) => body.ReadFields(ref reader, takesFilter));
        return body;
    }

    private void ReadFields(ref BodyReader reader, bool takesFilter)
    {
        var seen = 0;
        while (reader.NextField())
        {
            if (reader.Is("collection"u8))
            {
                var path = new FieldPath("collection");
                if (reader.Once(ref seen, CollectionBit, path))
                    Collection = reader.String(path, BodyFields.CollectionCharactersMax) ?? "";
            }
            else if (reader.Is("ids"u8))
            {
                if (reader.Once(ref seen, IdsBit, new FieldPath("ids"))) ReadIds(ref reader);
            }
            else if (takesFilter && reader.Is("filter"u8))
            {
                var path = new FieldPath("filter");
                if (reader.Once(ref seen, FilterBit, path))
                    FilterJson = BodyFields.Bytes(
                        reader.Object(path, ErrorCodes.FilterInvalid, VectorLimits.FilterBytesMax));
            }
            else
            {
                reader.RefuseField(new FieldPath(""), takesFilter ? "collection, ids, filter" : "collection, ids");
            }
        }

        reader.Finish();
        BodyFields.Require(reader.Errors, seen, CollectionBit, "collection");
        if (!takesFilter) BodyFields.Require(reader.Errors, seen, IdsBit, "ids");
        else if ((seen & (IdsBit | FilterBit)) == 0)
            reader.Errors.Add(ErrorCodes.MissingField, "ids", "required and missing: one of ids, filter");
        else if ((seen & IdsBit) != 0 && (seen & FilterBit) != 0)
            reader.Errors.Add(ErrorCodes.InvalidArgument, "ids", "expected one of ids, filter, came both");
        else if ((seen & FilterBit) != 0 && NamesEverything())
            reader.Errors.Add(ErrorCodes.FilterInvalid, "filter",
                "expected at least one condition: an empty filter would delete every row");
    }

    private bool NamesEverything()
    {
        foreach (var value in FilterJson.Span)
        {
            if (value is not ((byte)'{' or (byte)'}' or (byte)' ' or (byte)'\t' or (byte)'\n' or (byte)'\r'))
                return false;
        }

        return !FilterJson.IsEmpty;
    }

    private void ReadIds(ref BodyReader reader)
    {
        VectorIds.ReadList(ref reader, "ids", Ids);
        if (Ids.Count == 0 && !reader.Errors.Any)
            reader.Errors.Add(ErrorCodes.InvalidArgument, "ids", "expected at least one id, came none");
    }
}
