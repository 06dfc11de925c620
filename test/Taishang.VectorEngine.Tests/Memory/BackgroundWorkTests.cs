using System.Globalization;
using Taishang.VectorEngine.Memory;
using Xunit;

namespace Taishang.VectorEngine.Tests.Memory;

public sealed class BackgroundWorkTests
{
    private const int FieldsBetweenNameAndPolicy = 38;
    private const int OrdinaryPolicy = 0;
    private const int Steps = 6;

    [Fact]
    public async Task A_work_gives_way_at_once_until_it_got_too_little_and_is_then_gone_on_with_at_its_next_step()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "policies of threads are Linux's");
        var seen = new List<(int Step, int Policy)>();
        var released = false;
        await new BackgroundWork(Work().GetEnumerator(), () => seen.Count == 3).Start();

        Assert.Equal(Enumerable.Range(0, Steps), seen.Select(step => step.Step));
        Assert.All(seen.Take(3), step => Assert.Equal(BackgroundThreads.IdlePolicy, step.Policy));
        Assert.All(seen.Skip(3), step => Assert.Equal(OrdinaryPolicy, step.Policy));
        Assert.True(released);

        IEnumerable<Pause> Work()
        {
            try
            {
                for (var i = 0; i < Steps; i++)
                {
                    seen.Add((i, Policy()));
                    yield return default;
                }
            }
            finally
            {
                released = true;
            }
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task What_goes_wrong_in_a_step_reaches_who_waits(bool isHandedOver)
    {
        await Assert.ThrowsAsync<InvalidDataException>(
            () => new BackgroundWork(Work().GetEnumerator(), () => isHandedOver).Start());

        static IEnumerable<Pause> Work()
        {
            yield return default;
            throw new InvalidDataException("damaged");
        }
    }

    private static int Policy()
    {
        var text = File.ReadAllText("/proc/thread-self/stat");
        var fields = text[(text.LastIndexOf(')') + 2)..].Split(' ');
        return int.Parse(fields[FieldsBetweenNameAndPolicy], CultureInfo.InvariantCulture);
    }
}
