using Google.Protobuf;
using Taishang.Core.Api;

namespace Taishang.Core.Vectors;

/// <summary>Small rules that all bodies on vectors share.</summary>
internal static class BodyFields
{
    public const int CollectionCharactersMax = Collections.Collection.ReferenceCharactersMax;

    public static void Require(FieldErrors errors, int seen, int bit, string field)
    {
        if ((seen & bit) == 0) errors.Add(ErrorCodes.MissingField, field, "required and missing");
    }

    public static ByteString Bytes(ReadOnlySpan<byte> json) =>
        json.IsEmpty ? ByteString.Empty : ByteString.CopyFrom(json);
}
