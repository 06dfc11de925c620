using Taishang.Contracts.Ai.V1;
using Taishang.Core.Api;
using Taishang.Core.Vectors.Json;

namespace Taishang.Core.Vectors;

/// <summary>A page of a scroll, read straight into the message that the worker gets.</summary>
internal sealed class ScrollBody
{
    private const string Fields = "collection, cursor, limit, filter, include";
    private const int CollectionBit = 1;
    private const int CursorBit = 2;
    private const int LimitBit = 4;
    private const int FilterBit = 8;
    private const int IncludeBit = 16;

    private ScrollBody()
    {
    }

    public string Collection { get; private set; } = "";

    public ScrollVectorsRequest Request { get; } = new() { Limit = VectorLimits.ScrollRowsDefault };

    /// <exception cref="ApiException">With every broken rule that was found.</exception>
    public static ScrollBody Read(ReadOnlySpan<byte> json)
    {
        var body = new ScrollBody();
        BodyReader.ReadAll(json, body.ReadFields);
        return body;
    }

    private void ReadFields(ref BodyReader reader)
    {
        var seen = 0;
        while (reader.NextField())
        {
            var (bit, name) = Find(ref reader);
            if (bit == 0) reader.RefuseField(new FieldPath(""), Fields);
            else if (reader.Once(ref seen, bit, new FieldPath(name)) && (bit == CollectionBit || !reader.IsNull))
                ReadField(ref reader, bit, new FieldPath(name));
        }

        reader.Finish();
        BodyFields.Require(reader.Errors, seen, CollectionBit, "collection");
        if (Request.Cursor.Length > 0 && !Request.FilterJson.IsEmpty)
            reader.Errors.Add(ErrorCodes.InvalidArgument, "filter", "expected with the first page alone");
    }

    private static (int Bit, string Name) Find(ref BodyReader reader)
    {
        if (reader.Is("collection"u8)) return (CollectionBit, "collection");
        if (reader.Is("cursor"u8)) return (CursorBit, "cursor");
        if (reader.Is("limit"u8)) return (LimitBit, "limit");
        if (reader.Is("filter"u8)) return (FilterBit, "filter");
        return reader.Is("include"u8) ? (IncludeBit, "include") : (0, "");
    }

    private void ReadField(ref BodyReader reader, int bit, FieldPath path)
    {
        switch (bit)
        {
            case CollectionBit:
                Collection = reader.String(path, BodyFields.CollectionCharactersMax) ?? "";
                break;
            case CursorBit:
                var cursor = reader.String(path, VectorLimits.CursorCharactersMax);
                if (cursor is { Length: 0 })
                    reader.Errors.Add(ErrorCodes.InvalidArgument, "cursor", "expected a cursor, or null to begin");
                Request.Cursor = cursor ?? "";
                break;
            case LimitBit:
                Request.Limit = (int)(reader.Integer(path, 1, VectorLimits.ScrollRowsMax) ?? 1);
                break;
            case FilterBit:
                Request.FilterJson = BodyFields.Bytes(
                    reader.Object(path, ErrorCodes.FilterInvalid, VectorLimits.FilterBytesMax));
                break;
            default:
                (Request.IncludeMetadata, Request.IncludeVector) = IncludeList.Read(ref reader);
                break;
        }
    }
}
